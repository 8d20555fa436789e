import numpy as np
import pytest

from worker.analysis.detectors.base import Candidates
from worker.analysis.detectors.merging import drop_within, join_candidates, keep_outermost, merge_overlapping


def candidates(*rows: tuple[float, float, float, float]) -> Candidates:
    """left, top, side, score of each; the eyes lie at a quarter of the side."""
    values = np.array(rows, np.float32).reshape(-1, 4)
    corners = values[:, :2]
    extents = np.concatenate([corners, corners + values[:, 2:3]], axis=1)
    offsets = np.array([[0.25, 0.25], [0.75, 0.25]], np.float32)
    eyes = corners[:, np.newaxis] + offsets * values[:, 2, np.newaxis, np.newaxis]
    return Candidates(extents, values[:, 3], eyes)


def test_overlapping_candidates_become_their_average_weighted_by_score() -> None:
    merged = merge_overlapping(candidates((0, 0, 100, 0.6), (10, 0, 100, 0.3)), min_iou=0.3)
    assert merged.extents.tolist() == [pytest.approx([10 / 3, 0, 100 + 10 / 3, 100], abs=1e-3)]
    assert merged.scores.tolist() == [pytest.approx(0.6)]
    assert merged.eyes is not None
    assert merged.eyes[0].tolist() == [pytest.approx([25 + 10 / 3, 25]), pytest.approx([75 + 10 / 3, 25])]


def test_faces_side_by_side_stay_apart_and_the_surest_comes_first() -> None:
    merged = merge_overlapping(candidates((0, 0, 100, 0.5), (90, 0, 100, 0.9), (300, 0, 50, 0.7)), min_iou=0.3)
    assert merged.scores.tolist() == [pytest.approx(score) for score in (0.9, 0.7, 0.5)]
    assert merged.extents[:, 0].tolist() == [90, 300, 0]


def test_each_candidate_belongs_to_one_face_only() -> None:
    # The middle one overlaps both; it counts for the surer.
    merged = merge_overlapping(candidates((0, 0, 100, 0.9), (45, 0, 100, 0.4), (90, 0, 100, 0.8)), min_iou=0.3)
    assert len(merged.scores) == 2
    assert merged.extents[1].tolist() == pytest.approx([90, 0, 190, 100])


def test_nothing_merges_to_nothing() -> None:
    nothing = merge_overlapping(candidates(), min_iou=0.3)
    assert nothing.extents.shape == (0, 4)
    assert nothing.eyes is not None
    assert nothing.eyes.shape == (0, 2, 2)


def test_candidate_without_area_is_kept_and_ends_the_loop() -> None:
    assert len(merge_overlapping(candidates((5, 5, 0, 0.9), (5, 5, 0, 0.8)), min_iou=0.3).scores) == 2


def test_what_lies_within_a_known_face_is_dropped() -> None:
    known = candidates((0, 0, 100, 0.9))
    left = drop_within(candidates((20, 20, 30, 0.5), (-50, -50, 300, 0.5), (90, 0, 100, 0.5)), known, min_share=0.6)
    assert left.extents[:, 0].tolist() == [90]
    assert len(drop_within(known, candidates(), min_share=0.6).scores) == 1


def test_mouth_taken_for_a_face_is_left_out() -> None:
    kept = keep_outermost(candidates((0, 0, 100, 0.9), (30, 60, 30, 0.8), (200, 0, 40, 0.7)), min_share=0.6)
    assert kept.extents[:, 0].tolist() == [0, 200]


def test_joining_keeps_order() -> None:
    joined = join_candidates([candidates((0, 0, 1, 0.1)), candidates(), candidates((2, 0, 1, 0.9))])
    assert joined.extents[:, 0].tolist() == [0, 2]
