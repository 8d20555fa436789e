import io
import struct

import pytest
from PIL import Image

from db.photos.claimed_size import find_largest_item, read_claimed_size
from db.photos.errors import TooManyPixels
from db.photos.header import open_photo
from db.photos.memory import MAX_DECODING_BYTES
from tests.fuzz.files import PhotoFile
from tests.support.factories.photos import encode_picture
from tests.support.scenes import MANY, SCENE


@pytest.mark.parametrize(
    "data",
    [
        b"GIF89a" + struct.pack("<HH", 20_000, 20_000) + b"\0\0\0 nothing more",
        b"RIFF\x20\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + (16_000).to_bytes(3, "little") * 2 + b"broken",
        b"BM" + bytes(12) + struct.pack("<IiiHH", 40, 30_000, -30_000, 1, 99) + bytes(20),
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR" + struct.pack(">II", 40_000, 40_000) + b"broken",
        b"\xff\xd8\xff\xc0\0\x11\x08" + struct.pack(">HH", 60_000, 60_000) + b"\3\1\x11\0\2\x11\1\3\x11\1 broken",
        b"II*\0\x08\0\0\0\2\0" + struct.pack("<HHII", 256, 4, 1, 90_000) + struct.pack("<HHII", 257, 4, 1, 90_000),
        b"\0\0\0\x1cftypavif\0\0\0\0 ispe\0\0\0\0" + struct.pack(">II", 50_000, 50_000) + b"broken",
    ],
    ids=["gif", "webp", "bmp", "png", "jpeg", "tiff", "avif"],
)
def test_a_header_that_claims_too_much_is_told_so_however_broken_the_rest_is(data: bytes) -> None:
    with pytest.raises(TooManyPixels):
        open_photo(data, MANY, MAX_DECODING_BYTES)


def test_every_kind_of_file_claims_its_size(photo_files: list[PhotoFile]) -> None:
    for name, image_format, data in photo_files:
        if image_format in {"AVIF", "HEIF"}:
            assert read_claimed_size(data) is None
            assert find_largest_item(data) is not None
        else:
            claimed = read_claimed_size(data)
            with Image.open(io.BytesIO(data)) as image:  # which turns a TIFF by itself
                assert claimed in {image.size, image.size[::-1] if name == "tiff-turned" else image.size}, name


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF"])
def test_a_header_that_breaks_off_claims_nothing(image_format: str) -> None:
    assert read_claimed_size(encode_picture(SCENE, image_format)[:9]) is None
    assert read_claimed_size(b"no picture at all") is None


def test_bitmaps_of_the_oldest_kind_have_sides_of_two_bytes() -> None:
    assert read_claimed_size(b"BM" + bytes(12) + struct.pack("<IHH", 12, 300, 200)) == (300, 200)
    assert read_claimed_size(b"BM" + bytes(12) + struct.pack("<Iii", 40, 300, -200)) == (300, 200)


def test_the_largest_picture_of_a_container_counts() -> None:
    items = [b"ispe" + bytes(4) + struct.pack(">II", *size) for size in ((64, 64), (4000, 3000), (160, 120))]
    assert find_largest_item(b"".join(items)) == (4000, 3000)
    assert find_largest_item(b"ispe" + bytes(5)) is None
