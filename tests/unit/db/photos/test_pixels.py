"""Pixels of a photo: which samples are white, which way is up, what is missing."""

import cv2
import numpy as np

from tests.support.scenes import SCENE, decode


def test_a_reduced_picture_is_the_mean_of_its_pixels():
    values = np.asarray(SCENE.resize((240, 180)))
    data = cv2.imencode(".bmp", values[..., ::-1])[1].tobytes()
    assert np.abs(decode(data, 4) - values.reshape(45, 4, 60, 4, 3).mean(axis=(1, 3))).max() <= 1
