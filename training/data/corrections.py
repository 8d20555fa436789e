"""Filters faces labelled by reviewers, and appends them to the training rows."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from db.core.vocabulary import CROP_SIDE
from training.data.dataset import Dataset
from training.data.fer_csv import PARTS
from training.data.votes import VoteTable

HOLDOUT_PART = "PublicTest"
"""Split on which champion and challenger are compared, except copies of training rows. Neither its rows nor labels of the same
pictures are used for training.
"""

LEAST_FACE_PX = CROP_SIDE
"""Smaller faces are enlarged for their crop."""

LEAST_SHARPNESS = 280.0
"""Minimum variance of the Laplacian; 0.5 % of FER2013's training rows are below it (docs/decisions/0403)."""

NEAR_COPY = 0.9
"""Correlation of two thumbnails above which pictures count as copies: true of 99 % of FER2013's pictures shifted by one pixel, and
of all scaled or recompressed ones (docs/decisions/0403).
"""

VOTES_A_LABEL = 10
"""A label counts like a picture on which all ten FER+ voters agree."""

_THUMBNAIL_SIDE = 12
_ROWS_A_BLOCK = 2048

TOO_SMALL, BLURRED, LIKE_HOLDOUT, OVER_SHARE = "too_small", "blurred", "like_holdout", "over_share"
"""Why a face isn't used for training."""


@dataclass(frozen=True, slots=True)
class LabelledFaces:
    """Faces with a confirmed label, in order of preference.

    images: uint8 (N, 48, 48).
    labels: int64 (N,), index into EMOTIONS.
    face_px: int64 (N,), shorter side of the face in its photo.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    face_px: npt.NDArray[np.int64]

    def select(self, is_wanted: npt.NDArray[np.bool_]) -> "LabelledFaces":
        """Return the wanted faces, in the same order. is_wanted: bool (N,)."""
        return LabelledFaces(self.images[is_wanted], self.labels[is_wanted], self.face_px[is_wanted])


def refuse_corrections(
    faces: LabelledFaces, dataset: Dataset, training_rows: int, max_share: float
) -> list[str | None]:
    """Return for each face why it can't be used for training with `dataset`, or None if it can.

    training_rows: number of training rows in `dataset`. max_share: maximum share of such faces in the training set, 0 to 1
    (exclusive). The first faces are preferred.
    """
    holdout = dataset.images[dataset.find_part(HOLDOUT_PART)]
    reasons = (
        (faces.face_px < LEAST_FACE_PX, TOO_SMALL),
        (measure_sharpness(faces.images) < LEAST_SHARPNESS, BLURRED),
        (find_near_copies(faces.images, holdout), LIKE_HOLDOUT),
    )
    refusals: list[str | None] = [None] * len(faces.images)
    for is_refused, reason in reversed(reasons):
        for place in np.flatnonzero(is_refused).tolist():
            refusals[place] = reason
    room = int(training_rows * max_share / (1 - max_share))
    usable = [place for place, refusal in enumerate(refusals) if refusal is None]
    for place in usable[room:]:
        refusals[place] = OVER_SHARE
    return refusals


def add_corrections(dataset: Dataset, faces: LabelledFaces) -> Dataset:
    """Append the faces to the dataset as training rows."""
    count = len(faces.images)
    if not count:
        return dataset
    votes = None
    if dataset.votes is not None:
        counts = np.zeros((count, dataset.votes.counts.shape[1]), np.int64)
        counts[np.arange(count), faces.labels] = VOTES_A_LABEL
        parts = (*dataset.votes.parts, *["Training"] * count)
        votes = VoteTable(parts, np.concatenate([dataset.votes.counts, counts]))
    return replace(
        dataset,
        images=np.concatenate([dataset.images, faces.images]),
        labels=np.concatenate([dataset.labels, faces.labels]),
        parts=np.concatenate([dataset.parts, np.full(count, PARTS.index("Training"), np.uint8)]),
        votes=votes,
        corrections=dataset.corrections + count,
    )


def measure_sharpness(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return the variance of the Laplacian of each picture, float32 (N,): small if edges are soft or missing."""
    pixels = images.astype(np.float32)
    middle = pixels[:, 1:-1, 1:-1]
    around = pixels[:, :-2, 1:-1] + pixels[:, 2:, 1:-1] + pixels[:, 1:-1, :-2] + pixels[:, 1:-1, 2:]
    return np.asarray((4 * middle - around).var(axis=(1, 2)), np.float32)


def find_near_copies(images: npt.NDArray[np.uint8], others: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Return which pictures are copies of one of `others` or its mirror image, apart from scaling, compression and a small shift.

    images: uint8 (N, 48, 48).
    others: uint8 (M, 48, 48).
    Returns bool (N,).
    """
    found = np.zeros(len(images), bool)
    if not len(others):
        return found
    theirs = _make_thumbnails(np.concatenate([others, others[:, :, ::-1]])).T
    for start in range(0, len(images), _ROWS_A_BLOCK):
        block = slice(start, start + _ROWS_A_BLOCK)
        found[block] = (_make_thumbnails(images[block]) @ theirs).max(axis=1) >= NEAR_COPY
    return found


def _make_thumbnails(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return thumbnails with zero mean and unit length: float32 (N, 144), so that a product of two is their correlation."""
    cell = CROP_SIDE // _THUMBNAIL_SIDE
    cells = images.reshape(len(images), _THUMBNAIL_SIDE, cell, _THUMBNAIL_SIDE, cell)
    thumbnails = cells.mean(axis=(2, 4), dtype=np.float32).reshape(len(images), -1)
    thumbnails -= thumbnails.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(thumbnails, axis=1, keepdims=True)
    return np.asarray(thumbnails / np.maximum(lengths, 1e-6), np.float32)
