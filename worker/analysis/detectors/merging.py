"""Merges candidates of the same face. The candidates here have landmarks, as BlazeFace gives them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from worker.analysis.detectors.base import Candidates

Floats = npt.NDArray[np.float32]

MIN_IOU = 0.3
"""Intersection over union from which two candidates are the same face, as in MediaPipe's face_detection graphs."""


def merge_overlapping(candidates: Candidates, *, min_iou: float) -> Candidates:
    """Replace overlapping candidates by their average, weighted by score: weighted non-maximum suppression.

    min_iou: intersection over union from which a candidate belongs to a better one's face, 0 to 1. Returns one candidate per face
    with the best score, highest score first. Averaging stabilizes boxes and keypoints (Bazarevsky et al. 2019, "BlazeFace", its
    section on post-processing).
    """
    ordered = candidates.take(np.argsort(-candidates.scores, kind="stable"))
    is_free = np.ones(len(ordered.scores), dtype=bool)
    merged = []
    for index, score in enumerate(ordered.scores):
        if is_free[index]:
            overlap, _ = measure_overlaps(ordered.extents[index], ordered.extents)
            overlap[index] = 1.0  # a candidate without area doesn't even overlap itself
            members = ordered.take(np.flatnonzero(is_free & (overlap >= min_iou)))
            is_free &= overlap < min_iou
            merged.append(_average(members, score))
    return join_candidates(merged)


def drop_within(candidates: Candidates, faces: Candidates, *, min_share: float) -> Candidates:
    """Drop candidates that lie inside, or around, one of `faces`.

    min_share: intersection over the smaller area from which both are the same face, 0 to 1.
    """
    is_new = [not np.any(measure_overlaps(extent, faces.extents)[1] >= min_share) for extent in candidates.extents]
    return candidates.take(np.flatnonzero(is_new))


def keep_outermost(candidates: Candidates, *, min_share: float) -> Candidates:
    """Drop candidates that lie inside, or around, a better one, such as an eye or a mouth detected as a face.

    candidates: highest score first. Returns them in the same order.
    """
    kept = join_candidates([])
    for index in range(len(candidates.scores)):
        candidate = candidates.take(np.array([index]))
        kept = join_candidates([kept, drop_within(candidate, kept, min_share=min_share)])
    return kept


def join_candidates(parts: Sequence[Candidates]) -> Candidates:
    """Concatenate candidates in that order; `parts` may be empty."""
    filled = [part for part in parts if len(part.scores)]
    if not filled:
        return Candidates(np.empty((0, 4), np.float32), np.empty((0,), np.float32), np.empty((0, 2, 2), np.float32))
    return Candidates(
        np.concatenate([part.extents for part in filled]),
        np.concatenate([part.scores for part in filled]),
        np.concatenate([_landmarks_of(part) for part in filled]),
    )


def measure_overlaps(extent: Floats, others: Floats) -> tuple[Floats, Floats]:
    """Return the intersection of one extent with N others: over their union, and over the smaller area. Each float32 (N,)."""
    sides = np.minimum(extent[2:], others[:, 2:]) - np.maximum(extent[:2], others[:, :2])
    common = np.prod(np.maximum(sides, 0), axis=1)
    own_area, areas = np.prod(extent[2:] - extent[:2]), np.prod(others[:, 2:] - others[:, :2], axis=1)
    tiny = np.float32(1e-6)
    return common / np.maximum(own_area + areas - common, tiny), common / np.maximum(np.minimum(own_area, areas), tiny)


def _average(members: Candidates, score: np.float32) -> Candidates:
    weights = members.scores / members.scores.sum()
    landmarks = np.einsum("n,nij->ij", weights, _landmarks_of(members))
    return Candidates((weights @ members.extents)[np.newaxis], np.array([score]), landmarks[np.newaxis])


def _landmarks_of(candidates: Candidates) -> Floats:
    assert candidates.landmarks is not None
    return candidates.landmarks
