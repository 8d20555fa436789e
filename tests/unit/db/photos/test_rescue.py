import struct

import numpy as np
import pytest

from db.photos.errors import BrokenPicture
from db.photos.rescue import reopen_rescued
from tests.fuzz.files import make_chunk
from tests.support.factories.photos import encode_picture
from tests.support.scenes import SCENE, decode


def test_a_damaged_part_that_no_pixel_needs_is_left_out() -> None:
    png = encode_picture(SCENE, "PNG")
    expected = decode(png)
    bad_text = struct.pack(">I", 9) + b"tEXt" + b"a\0b\0c\0d\0e" + b"\0\0\0\0"
    unpackable = make_chunk(b"zTXt", b"key\0\0nothing compressed")
    for damaged in (png[:33] + bad_text + png[33:], png[:33] + unpackable + png[33:], png[:-12], png[:-4] + b"oops"):
        assert np.array_equal(decode(damaged), expected)
    at = png.rindex(b"IEND") - 8  # the checksum of the last pixels' chunk, and before it that of their stream
    assert np.array_equal(decode(png[: at - 4] + b"\0\0\0\0" + png[at:]), expected)
    jpeg = encode_picture(SCENE, "JPEG", quality=95)
    expected = decode(jpeg)
    assert np.array_equal(decode(jpeg[:-2]), expected)
    assert np.array_equal(decode(jpeg[:2] + b"\xff\xed\x00\x09Photosh" + jpeg[2:]), expected)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.97])
@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "progressive"])
def test_missing_rows_are_told_from_a_missing_end(share: float, image_format: str) -> None:
    larger = SCENE.resize((200, 150))
    is_progressive = image_format == "progressive"
    whole = encode_picture(larger, "JPEG", progressive=True) if is_progressive else encode_picture(larger, image_format)
    with pytest.raises(BrokenPicture, match="rows of pixels are missing"):
        decode(whole[: int(len(whole) * share)])


def test_other_formats_have_no_second_way() -> None:
    assert reopen_rescued("BMP", encode_picture(SCENE, "BMP")[:-20], SCENE.size) is None
    assert reopen_rescued(None, b"", SCENE.size) is None


@pytest.mark.parametrize(
    ("size", "wanted"), [((200, 150), (100, 75)), ((199, 149), (50, 38)), ((205, 5), (52, 2)), ((5, 205), (2, 52))]
)
def test_a_rescued_jpeg_has_the_size_that_was_wanted(size: tuple[int, int], wanted: tuple[int, int]) -> None:
    rescued = reopen_rescued("JPEG", encode_picture(SCENE.resize(size), "JPEG")[:-2], wanted)
    assert rescued is not None
    assert rescued.size == wanted


@pytest.mark.parametrize("factor", [1, 2, 4, 8])
def test_a_jpeg_without_its_end_is_taken_at_every_size(factor: int) -> None:
    whole = encode_picture(SCENE.resize((199, 149)), "JPEG")
    assert np.array_equal(decode(whole[:-2], factor), decode(whole, factor))
