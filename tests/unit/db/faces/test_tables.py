import pytest

from db.core.vocabulary import FaceCondition
from db.faces.tables import Face


def test_ambiguity_goes_from_agreement_to_any_answer_as_good() -> None:
    assert Face(vote_shares=[0, 0, 0, 1, 0, 0, 0]).ambiguity == 0
    assert Face(vote_shares=[1 / 7] * 7).ambiguity == pytest.approx(1)
    assert Face(vote_shares=[0.5, 0, 0, 0, 0.5, 0, 0]).ambiguity == pytest.approx(0.35, abs=0.05)
    assert Face(vote_shares=None).ambiguity is None


def test_an_unsure_or_covered_face_is_uncertain() -> None:
    assert Face(confidence=0.49).is_uncertain(0.5)
    assert not Face(confidence=0.51, conditions=[FaceCondition.DARK.value]).is_uncertain(0.5)
    assert Face(confidence=0.99, conditions=[FaceCondition.COVERED.value]).is_uncertain(0.5)
