import io

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from db.photos.sixteen_bits import find_sixteen_bit_form, set_form
from tests.fuzz.files import encode_by_opencv
from tests.support.factories.photos import encode_picture
from tests.support.scenes import SCENE, decode


@pytest.mark.parametrize("extension", [".png", ".tiff"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("is_grey", [True, False])
def test_fewer_bits_in_a_sixteen_bit_file_are_as_bright_as_all_sixteen(
    extension: str, bits: int, is_grey: bool
) -> None:
    colours = np.asarray(SCENE.convert("L") if is_grey else SCENE)
    full = np.where(colours >= 250, 255, colours)  # something is white, or nobody could tell how many bits there are
    white = (1 << bits) - 1
    values = np.round(full.astype(float) * white / 255).astype(np.uint16)
    stored = values if is_grey else values[..., ::-1]
    expected = np.stack([full] * 3, axis=-1) if is_grey else full
    assert np.abs(decode(encode_by_opencv(extension, stored)) - expected).max() <= 2


def test_a_large_sixteen_bit_picture_is_scaled_and_reduced_alike() -> None:
    values = np.asarray(SCENE.resize((240, 180)))[..., ::-1].astype(np.uint16) * 16
    data = encode_by_opencv(".png", values)
    whole = decode(data)
    halved = whole.reshape(90, 2, 120, 2, 3).mean(axis=(1, 3))
    assert np.abs(decode(data, 2) - halved).max() <= 2


def test_only_forms_that_can_be_read_twice_are_found() -> None:
    colours = np.asarray(SCENE).astype(np.uint16)[..., ::-1] * 257
    image = Image.open(io.BytesIO(encode_by_opencv(".png", colours)))
    assert find_sixteen_bit_form(image) == "RGB;16B"
    assert find_sixteen_bit_form(Image.open(io.BytesIO(encode_picture(SCENE, "PNG")))) is None
    set_form(image, "RGB;16L")
    assert np.asarray(image).tolist() == np.asarray(SCENE).tolist()  # both bytes of each sample are the same
    planes = Image.open(io.BytesIO(encode_by_opencv(".tiff", colours)))
    assert isinstance(planes, TiffImageFile)
    assert find_sixteen_bit_form(planes) is not None
    planes.tag_v2[284] = 2
    assert find_sixteen_bit_form(planes) is None
