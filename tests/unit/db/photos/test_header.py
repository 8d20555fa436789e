"""Headers of pictures: valid, malicious and broken."""

import contextlib
import struct
import zlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from db.photos.errors import BrokenPicture, NotAPicture, TooManyPixels
from db.photos.header import PictureHeader
from db.photos.header import read_header as read_header_within
from tests.support.factories.photos import make_photo

MANY = 10**8


def read_header(data: bytes, max_pixels: int) -> PictureHeader:
    return read_header_within(data, max_pixels, 10**12)


FORMATS = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "TIFF": "image/tiff",
    "AVIF": "image/avif",
    "HEIF": "image/heic",
}


def make_png(width: int, height: int) -> bytes:
    """A PNG whose header says one thing and whose pixels are missing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("image_format", "media_type"), FORMATS.items())
def test_the_format_is_told_by_content(image_format: str, media_type: str) -> None:
    assert read_header(make_photo(image_format), MANY) == PictureHeader(media_type, 64, 48)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_the_size_is_that_of_the_upright_picture(
    image_format: str,
    orientation: int,
) -> None:
    header = read_header(make_photo(image_format, orientation=orientation), MANY)
    assert (header.width, header.height) == ((64, 48) if orientation < 5 else (48, 64))


@pytest.mark.parametrize("size", [(1_000_001, 1), (1, 1_000_001), (50_000_000, 2)])
def test_a_side_beyond_every_photo_is_refused_whatever_the_other_one_is(size: tuple[int, int]) -> None:
    with pytest.raises(TooManyPixels, match="a side of"):
        read_header(make_png(*size), MANY)
    assert read_header(make_png(1_000_000, 1), MANY).width == 1_000_000


def test_a_decompression_bomb_is_counted_and_never_decoded() -> None:
    with pytest.raises(TooManyPixels, match="3,600,000,000 pixels"):
        read_header(make_png(60_000, 60_000), MANY)


def test_the_limit_is_the_callers_and_not_pillows() -> None:
    """Pillow would raise at 180 million pixels, and warn at 90 million."""
    assert read_header(make_png(20_000, 20_000), 400_000_000).width == 20_000
    with pytest.raises(TooManyPixels):
        read_header(make_png(20_000, 20_000), 399_999_999)


@pytest.mark.parametrize("data", [b"hello", b"%PDF-1.7\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\0" * 100])
def test_what_is_no_picture_is_told_from_a_broken_one(data: bytes) -> None:
    with pytest.raises(NotAPicture):
        read_header(data, MANY)


@pytest.mark.parametrize("image_format", FORMATS)
def test_a_header_that_breaks_off_is_a_broken_picture(image_format: str) -> None:
    with pytest.raises(BrokenPicture):
        read_header(make_photo(image_format)[:18], MANY)


BEGINNINGS = [
    b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"GIF89a", b"BM", b"II*\0", b"MM\0*", b"II+\0",
    b"\0\0\0\x18ftypheic", b"\0\0\0\x18ftypavif", b"\0\0\0\x18ftypmif1",
]  # fmt: skip


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.sampled_from(BEGINNINGS), st.binary(max_size=300))
@example(b"BM", b"\0" * 52)
@example(b"\x89PNG\r\n\x1a\n", make_png(0, 7)[8:])
def test_no_bytes_at_all_raise_anything_else(beginning: bytes, rest: bytes) -> None:
    try:
        header = read_header(beginning + rest, MANY)
    except (NotAPicture, BrokenPicture, TooManyPixels):
        return
    assert 0 < header.width * header.height <= MANY


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.sampled_from(list(FORMATS)), st.data())
def test_a_damaged_picture_raises_nothing_else(image_format: str, data: st.DataObject) -> None:
    picture = bytearray(make_photo(image_format, orientation=6 if image_format in {"JPEG", "PNG", "TIFF"} else 1))
    for _ in range(data.draw(st.integers(1, 8))):
        picture[data.draw(st.integers(0, min(len(picture), 400) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(NotAPicture, BrokenPicture, TooManyPixels):
        read_header(bytes(picture), MANY)
