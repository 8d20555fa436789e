"""Pixels of a photo: sample range, orientation, missing rows."""

import io

import cv2
import numpy as np
import pytest
from billiard.exceptions import SoftTimeLimitExceeded
from PIL import PngImagePlugin

from db.photos.errors import BrokenPicture
from tests.support.factories.photos import encode_picture
from tests.support.scenes import SCENE, decode


def test_a_reduced_picture_is_the_mean_of_its_pixels() -> None:
    values = np.asarray(SCENE.resize((240, 180)))
    data = cv2.imencode(".bmp", values[..., ::-1])[1].tobytes()
    assert np.abs(decode(data, 4) - values.reshape(45, 4, 60, 4, 3).mean(axis=(1, 3))).max() <= 1


@pytest.mark.parametrize("loads", [1, 2])
def test_a_time_limit_while_decoding_is_no_fault_of_the_file(monkeypatch: pytest.MonkeyPatch, loads: int) -> None:
    damaged, done = encode_picture(SCENE, "PNG")[:-100], 0
    load = PngImagePlugin.PngImageFile.load

    def interrupt(image: PngImagePlugin.PngImageFile) -> object:
        nonlocal done
        done += 1
        if done == loads:
            raise SoftTimeLimitExceeded
        return load(image)

    monkeypatch.setattr("db.photos.pixels.reopen_rescued", lambda *_given: reopen(damaged))
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", interrupt)
    with pytest.raises(SoftTimeLimitExceeded):
        decode(damaged)
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", load)
    with pytest.raises(BrokenPicture):
        decode(damaged)


def reopen(data: bytes) -> PngImagePlugin.PngImageFile:
    return PngImagePlugin.PngImageFile(io.BytesIO(data), "")
