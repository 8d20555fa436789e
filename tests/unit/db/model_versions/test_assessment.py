import copy
import json

import pytest

from db.model_versions.assessment import (
    Answer,
    Method,
    assess_evaluations,
    assess_reviewed,
    assess_shares,
    bound_difference,
    decide,
    pair_evaluations,
)
from db.model_versions.comparison import RightCounts
from db.model_versions.manifest import Manifest
from db.reviews.statistics import estimate_share
from training.export.artifact import PRETRAINED_DIR


def read_shipped(name: str) -> Manifest:
    return Manifest.read(json.loads((PRETRAINED_DIR / name / "manifest.json").read_text()))


def compare(*, told: int, both: int, first: int, second: int) -> RightCounts:
    return RightCounts(told, both, first, second)


def test_blind_votes_are_assessed_by_the_faces_where_one_alone_is_right() -> None:
    found = assess_reviewed("live", compare(told=100, both=60, first=5, second=20))
    assert found is not None
    assert (found.old, found.new, found.faces, found.method) == (0.65, 0.8, 100, Method.MCNEMAR)
    assert found.p_value == pytest.approx(0.00408, abs=1e-5)  # SciPy's binomtest(5, 25).pvalue
    # Wilson's interval of 20 of 25 is 0.6087 to 0.9114
    assert (found.low, found.high) == pytest.approx((0.0543, 0.2057), abs=1e-3)
    assert found.answer is Answer.BETTER
    assert assess_reviewed("live", compare(told=0, both=0, first=0, second=0)) is None
    equal = assess_reviewed("live", compare(told=10, both=10, first=0, second=0))
    assert equal is not None
    assert (equal.p_value, equal.low, equal.high, equal.answer) == (1.0, 0.0, 0.0, Answer.NOT_SHOWN)


def test_two_shares_have_newcombes_interval() -> None:
    # Newcombe 1998, table II, case a, method 10: 56 of 70 less 48 of 80
    low, high = bound_difference(estimate_share(48, 80), estimate_share(56, 70))
    assert (low, high) == pytest.approx((0.0524, 0.3339), abs=1e-4)
    found = assess_shares("set", 70, 42 / 70, 56 / 70)
    assert (found.low, found.high) == bound_difference(estimate_share(42, 70), estimate_share(56, 70))
    assert found.p_value == pytest.approx(0.0098, abs=1e-3)  # z = 0.2 / sqrt(2 * 0.7 * 0.3 / 70) = 2.582
    assert assess_shares("set", 70, 0.8, 0.6).answer is Answer.WORSE
    assert assess_shares("set", 5, 1.0, 1.0).p_value == 1.0


def test_the_first_dataset_that_shows_a_difference_decides() -> None:
    same, better, worse = (assess_shares(name, 1000, 0.8, new) for name, new in (("a", 0.8), ("b", 0.9), ("c", 0.7)))
    stress = assess_shares("stress/dark", 1000, 0.8, 0.5, counts=False)
    found = decide([same, better, worse, stress])
    assert (found.answer, found.decided_by, found.against) == (Answer.BETTER, better, [worse])
    assert decide([worse, better]).answer is Answer.WORSE
    assert decide([same, stress]).answer is Answer.NOT_SHOWN
    assert decide([stress]).answer is Answer.UNKNOWN
    assert decide([]).answer is Answer.UNKNOWN


def test_votes_count_before_single_labels_and_tests_before_validation() -> None:
    found = assess_evaluations(read_shipped("default"), read_shipped("default-hard"))
    counting = [each.dataset for each in found if each.counts]
    assert counting == ["PublicTest/ferplus", "PublicTest/fer2013", "validation/ferplus", "validation/fer2013"]
    assert [each.answer for each in found[:2]] == [Answer.WORSE, Answer.BETTER]
    sets = assess_evaluations(read_shipped("default"), read_shipped("quick"))
    assert {each.dataset for each in sets if not each.counts} >= {"webfaces, even rows"}


def test_other_rows_are_left_out() -> None:
    mine, manifest = read_shipped("default"), json.loads((PRETRAINED_DIR / "default" / "manifest.json").read_text())
    other = copy.deepcopy(manifest)
    other["metrics"]["PublicTest"]["fer2013"]["rows"] += 1
    other["metrics"]["sets"]["webfaces, even rows"]["rows"] += 1
    found = pair_evaluations(mine, Manifest.read(other))
    assert found.left_out == [("PublicTest", "fer2013")]
    assert [pair[:2] for pair in found.pairs] == [
        ("validation", "fer2013"),
        ("validation", "ferplus"),
        ("PublicTest", "ferplus"),
    ]
    assert "webfaces, even rows" not in {each.dataset for each in assess_evaluations(mine, Manifest.read(other))}
