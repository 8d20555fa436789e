import numpy as np

from tests.support.grey_faces import FACES
from training.networks.normalize import LEAST_STD, normalize_faces


def test_a_dark_crop_gets_the_usual_contrast_and_another_stays() -> None:
    dark = (FACES[:1] * 0.1).astype(np.float32)[..., None]
    stretched = np.asarray(normalize_faces(dark))
    assert stretched.std() > LEAST_STD > dark.std()
    usual = FACES[:1].astype(np.float32)[..., None]
    assert (np.asarray(normalize_faces(usual)) == usual).all()


def test_a_crop_of_one_grey_stays_finite() -> None:
    assert np.isfinite(np.asarray(normalize_faces(np.full((1, 48, 48, 1), 7, np.float32)))).all()
