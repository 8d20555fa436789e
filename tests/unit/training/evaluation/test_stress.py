import pytest

from tests.support.faces_of_sets import FACES
from training.evaluation.stress import STRESSES, stress_crops


@pytest.mark.parametrize("name", STRESSES)
def test_a_stress_changes_faces_alike_each_time(name: str) -> None:
    changed = stress_crops(FACES, name)
    assert changed.shape == FACES.shape
    assert (changed != FACES).any(axis=(1, 2)).all()
    assert (changed == stress_crops(FACES, name)).all()
