"""Parsing a PNG's chunks, and rebuilding the picture."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image

from db.photos.png_chunks import SIGNATURE, clean_png, find_chunk, list_chunks, repair_png
from tests.fuzz.files import make_chunk
from tests.support.factories.photos import encode_picture
from tests.support.scenes import SCENE

PNG = encode_picture(SCENE, "PNG")
KINDS = ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"]


def read(png: bytes | None) -> np.ndarray:
    assert png is not None
    return np.asarray(Image.open(io.BytesIO(png)))


def replace_stream(png: bytes, change: slice) -> bytes:
    """The PNG with a part of its stream of pixels, in right chunks."""
    stream = b"".join(bytes(content) for kind, content in list_chunks(png) if kind == b"IDAT")
    others = [make_chunk(kind, bytes(content)) for kind, content in list_chunks(png) if kind != b"IDAT"]
    return b"".join([SIGNATURE, *others, make_chunk(b"IDAT", stream[change]), make_chunk(b"IEND", b"")])


def test_a_chunk_is_found_wherever_it_stands() -> None:
    end = PNG.rindex(b"IEND") - 4
    behind = PNG[:end] + make_chunk(b"eXIf", b"late") + PNG[end:]
    assert find_chunk(behind, b"eXIf") == b"late"
    assert find_chunk(PNG, b"eXIf") is None
    assert [kind for kind, _ in list_chunks(behind)] == [b"IHDR", b"IDAT", b"eXIf"]


def test_cleaning_keeps_the_pixels_and_puts_checksums_right() -> None:
    at = PNG.index(b"IHDR") + 17
    damaged = PNG[:at] + b"\0\0\0\0" + PNG[at + 4 :]
    cleaned = clean_png(damaged[:33] + make_chunk(b"tEXt", b"a\0b") + damaged[33:])
    assert [kind for kind, _ in list_chunks(cleaned)] == [b"IHDR", b"IDAT"]
    assert np.array_equal(read(cleaned), np.asarray(SCENE))
    header = cleaned[len(SIGNATURE) + 4 :]
    assert int.from_bytes(header[17:21], "big") == zlib.crc32(header[:17])


@pytest.mark.parametrize("mode", KINDS)
def test_a_stream_without_its_checksum_is_whole(mode: str) -> None:
    image = SCENE.convert("L").convert(mode) if mode == "I;16" else SCENE.convert(mode)
    png = encode_picture(image, "PNG")
    assert np.array_equal(read(repair_png(replace_stream(png, slice(0, -4)))), read(png))


@pytest.mark.parametrize("mode", KINDS)
def test_a_stream_that_lacks_rows_is_given_up(mode: str) -> None:
    image = SCENE.convert("L").convert(mode) if mode == "I;16" else SCENE.convert(mode)
    assert repair_png(replace_stream(encode_picture(image, "PNG"), slice(0, -30))) is None


def test_the_rows_of_an_interlaced_picture_are_counted_pass_by_pass() -> None:
    """Adam7 of 2x2 grey pixels: the first, the sixth and the seventh pass have 1, 1 and 2 pixels in a row of each."""
    header = make_chunk(b"IHDR", (2).to_bytes(4, "big") * 2 + b"\x08\0\0\0\1")
    rows = b"\0\x01" + b"\0\x02" + b"\0\x03\x04"
    for taken, is_whole in ((rows, True), (rows[:-1], False)):
        png = SIGNATURE + header + make_chunk(b"IDAT", zlib.compress(taken)) + make_chunk(b"IEND", b"")
        assert (repair_png(png) is not None) == is_whole


def test_no_picture_at_all_is_given_up() -> None:
    assert repair_png(SIGNATURE) is None
