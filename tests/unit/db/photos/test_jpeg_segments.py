"""Parsing a JPEG's segments, and removing optional ones."""

import io
import struct

import numpy as np
import pytest
from PIL import ExifTags, Image

from db.photos.jpeg_segments import JpegFrame, clean_jpeg, read_jpeg_frame
from tests.support.factories.photos import encode_picture
from tests.support.scenes import SCENE


@pytest.mark.parametrize("is_progressive", [False, True])
def test_the_frame_says_size_and_kind(*, is_progressive: bool) -> None:
    frame = read_jpeg_frame(encode_picture(SCENE, "JPEG", progressive=is_progressive, subsampling=0))
    # 61x45 are 8x6 blocks of 64 coefficients, three times
    assert frame == JpegFrame(61, 45, 3 * 8 * 6 * 64, has_several_scans=is_progressive)


def test_half_the_colour_is_counted_as_a_quarter_of_it() -> None:
    frame = read_jpeg_frame(encode_picture(SCENE, "JPEG", subsampling=2))
    assert frame is not None
    # 4x3 units of 16x16 pixels: four blocks of brightness and one of each colour
    assert frame.coefficients == 4 * 3 * (4 + 1 + 1) * 64


def test_components_that_come_one_after_the_other_are_several_scans() -> None:
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 17, 8, 45, 61, 3) + b"\1\x11\0\2\x11\1\3\x11\1"
    one, all_three = (b"\xff\xda" + struct.pack(">HB", 6 + 2 * count, count) + bytes(2 * count + 3) for count in (1, 3))
    found = [read_jpeg_frame(b"\xff\xd8" + frame + scan) for scan in (one, all_three)]
    assert [each.has_several_scans for each in found if each] == [True, False]


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8", b"\xff\xd8\xff\xe0\0\4ab", b"\xff\xd8\xff\xc0\0\2", b"\xff\xd8" + b"\xff" * 9]
)
def test_without_a_frame_header_nothing_is_said(data: bytes) -> None:
    assert read_jpeg_frame(data) is None


def test_what_no_decoder_needs_is_left_out_and_the_pixels_stay() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    plain = encode_picture(SCENE, "JPEG", exif=exif)
    extra = b"\xff\xfe\0\6note" + b"\xff\xed\0\x0bPhotoshop" + b"\xff\xe1\0\7http:"
    cleaned = clean_jpeg(plain[:2] + extra + plain[2:])
    assert (b"note" in cleaned, b"Photoshop" in cleaned, b"http:" in cleaned) == (False, False, False)
    image = Image.open(io.BytesIO(cleaned))
    assert image.getexif()[ExifTags.Base.Orientation] == 6
    assert np.array_equal(np.asarray(image), np.asarray(Image.open(io.BytesIO(plain))))
