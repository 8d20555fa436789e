"""Which proposals are worth a close look."""

import numpy as np
import numpy.typing as npt
import pytest

from worker.analysis.detectors.base import Candidates, Extent
from worker.analysis.detectors.blazeface import BlazeFaceDetector
from worker.analysis.detectors.proposals import (
    MAX_SQUARE,
    expand_features,
    find_plausible,
    load_face_shape,
    measure_shapes,
    rate_shapes,
)
from worker.analysis.resize import Picture, Pyramid

FACE = np.array([[29, 28], [71, 28], [50, 51], [50, 72], [6, 38], [94, 38]], np.float32)
"""Eyes, nose, mouth and ears of a face of 100 pixels, as BlazeFace places them."""


def propose(landmarks: npt.NDArray[np.float32], score: float = 0.5) -> Candidates:
    return Candidates(np.array([[0, 0, 100, 100]], np.float32), np.array([score], np.float32), landmarks[np.newaxis])


def test_a_face_is_plausible_and_scattered_points_are_not() -> None:
    assert find_plausible(propose(FACE)).tolist() == [True]
    scattered = FACE[[3, 0, 5, 1, 2, 4]]
    assert find_plausible(propose(scattered)).tolist() == [False]


def test_without_proposals_there_is_nothing_to_rate() -> None:
    assert find_plausible(propose(FACE).take(np.array([], np.intp))).tolist() == []


def test_neither_size_nor_place_nor_turn_changes_what_is_measured() -> None:
    expected = measure_shapes(propose(FACE))
    moved = propose(FACE).scaled(2.5).moved(40, -7)
    np.testing.assert_allclose(measure_shapes(moved), expected, atol=1e-4)
    turn = np.array([[0.8, -0.6], [0.6, 0.8]], np.float32)  # about the middle of the box, where it stays
    turned = (FACE - 50) @ turn.T + 50
    np.testing.assert_allclose(measure_shapes(propose(turned)), expected, atol=1e-4)


def test_what_is_far_off_counts_no_more_than_five_deviations() -> None:
    found = expand_features(np.array([[9.0, 1.0]], np.float32), np.zeros(2, np.float32), np.ones(2, np.float32))
    assert found.tolist() == [[9.0, 1.0, MAX_SQUARE, 1.0]]


def test_a_surer_proposal_is_more_plausible() -> None:
    low, high = (rate_shapes(measure_shapes(propose(FACE, score)), load_face_shape()) for score in (0.3, 0.9))
    assert high > low


def test_a_portrait_needs_one_close_look(astronaut: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    detector = BlazeFaceDetector()
    detector.load()
    looks: list[Extent] = []
    look_closely = detector._look_closely

    def count(picture: Pyramid, proposal: Extent, threshold: float) -> Candidates:
        looks.append(proposal)
        return look_closely(picture, proposal, threshold)

    monkeypatch.setattr(detector, "_look_closely", count)
    assert len(detector.detect(astronaut, min_face_px=24)) == 1
    assert len(looks) == 1
    small = detector._propose_small(Pyramid(astronaut), 24)
    assert find_plausible(small).sum() < len(small.scores)


def test_where_nothing_plausible_is_a_face_the_rest_is_looked_at(
    astronaut: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = BlazeFaceDetector()
    detector.load()
    monkeypatch.setattr(
        "worker.analysis.detectors.blazeface.find_plausible", lambda given: np.zeros(len(given.scores), bool)
    )
    monkeypatch.setattr("worker.analysis.detectors.blazeface.LARGE_PROPOSAL_SCORE", 2.0)
    assert len(detector.detect(astronaut, min_face_px=24)) == 1
