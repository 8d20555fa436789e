import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from db.core.vocabulary import CROP_SIDE, FaceCondition
from worker.analysis.conditions import measure_crop, name_conditions
from worker.analysis.resize import Picture


@pytest.fixture(scope="module")
def face() -> Image.Image:
    skimage = pytest.importorskip("skimage.data")
    photo = Image.fromarray(skimage.astronaut()).convert("L").crop((165, 60, 285, 180))
    return photo.resize((CROP_SIDE, CROP_SIDE), Image.Resampling.BOX)


def conditions(face: Image.Image | Picture, face_px: int = 100) -> tuple[FaceCondition, ...]:
    return name_conditions(measure_crop(np.asarray(face, np.uint8)), face_px)


def test_a_clear_face_has_none(face: Image.Image) -> None:
    assert conditions(face) == ()


def test_a_small_one_says_so(face: Image.Image) -> None:
    assert conditions(face, face_px=30) == (FaceCondition.SMALL,)


def test_a_dark_one_says_so(face: Image.Image) -> None:
    assert conditions(face.point(lambda value: value // 6)) == (FaceCondition.DARK,)


def test_a_blurred_one_says_so(face: Image.Image) -> None:
    assert FaceCondition.BLURRED in conditions(face.filter(ImageFilter.GaussianBlur(3)))


def test_a_masked_one_says_so(face: Image.Image) -> None:
    masked = face.copy()
    ImageDraw.Draw(masked).polygon([(6, 30), (24, 25), (42, 30), (40, 46), (24, 48), (8, 46)], fill=200)
    assert conditions(masked) == (FaceCondition.COVERED,)


def test_a_crop_of_one_grey_is_measured_too() -> None:
    assert FaceCondition.BLURRED in conditions(np.full((CROP_SIDE, CROP_SIDE), 128, np.uint8))
