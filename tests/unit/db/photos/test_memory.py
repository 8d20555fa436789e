import io

import pytest
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from db.photos.errors import TooMuchMemory
from db.photos.header import open_photo
from db.photos.memory import choose_factor, estimate_peak_bytes
from tests.support.factories.photos import encode_picture
from tests.support.scenes import MANY, SCENE


def test_a_picture_that_would_take_too_much_memory_has_a_code_of_its_own() -> None:
    data = encode_picture(SCENE, "WEBP")
    needed = 16 * SCENE.width * SCENE.height
    with pytest.raises(TooMuchMemory, match="of memory; at most") as caught:
        open_photo(data, MANY, needed - 1)
    assert caught.value.code == "too_much_memory"
    assert open_photo(data, MANY, needed).peak_bytes == needed


@pytest.mark.parametrize(
    ("width", "height", "factor"),
    [(5000, 5000, 1), (5001, 5000, 2), (10_001, 10_000, 4), (20_001, 20_000, 8), (10**5, 10**5, 8), (10**8, 1, 4)],
)
def test_a_picture_is_reduced_by_the_least_factor_that_suffices(width: int, height: int, factor: int) -> None:
    assert choose_factor(width, height) == choose_factor(height, width) == factor


def estimate(data: bytes, factor: int | None = None) -> int:
    return estimate_peak_bytes(Image.open(io.BytesIO(data)), data, factor)


def test_a_jpeg_in_several_scans_keeps_all_its_coefficients_whatever_size_is_asked_for() -> None:
    plain, progressive = (encode_picture(SCENE, "JPEG", progressive=scans, subsampling=0) for scans in (False, True))
    kept = 2 * 3 * 8 * 6 * 64
    assert [estimate(progressive, factor) - estimate(plain, factor) for factor in (1, 2)] == [kept, kept]
    assert estimate(plain, 2) < estimate(plain, 1)


def test_a_large_strip_of_a_tiff_counts() -> None:
    tiff = encode_picture(SCENE, "TIFF", compression="tiff_lzw")
    image = Image.open(io.BytesIO(tiff))
    assert isinstance(image, TiffImageFile)
    decoding = 4 * 61 * 45 + 61 * 45 * 3  # as Pillow keeps it, and one strip of all rows as libtiff unpacks it
    image.tag_v2[278] = 45
    assert estimate_peak_bytes(image, tiff) == max(decoding, 10 * 61 * 45)
    image.tag_v2[258] = (64, 64, 64)
    assert estimate_peak_bytes(image, tiff) == 4 * 61 * 45 + 61 * 45 * 24
