from tests.support.grey_faces import FACES
from training.export.calibration import degrade_images


def test_degraded_copies_differ_by_seed_and_repeat() -> None:
    first = degrade_images(FACES, seed=1)
    assert (first == degrade_images(FACES, seed=1)).all()
    assert (first != degrade_images(FACES, seed=2)).any()
