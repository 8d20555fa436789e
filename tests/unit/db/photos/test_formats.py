"""Formats detected by the first bytes."""

import io
import subprocess
import sys

import pytest
from PIL import Image, JpegImagePlugin

from db.photos.formats import MEDIA_TYPES_BY_FORMAT, list_readers
from tests.support.factories.photos import make_photo


@pytest.mark.parametrize("image_format", MEDIA_TYPES_BY_FORMAT)
def test_a_file_is_read_as_what_it_begins_as(image_format: str) -> None:
    data = make_photo(image_format)
    names = [name for name, _ in list_readers(data)]
    assert names[0] == image_format
    assert list_readers(data)[0][1](io.BytesIO(data), "").size == (64, 48)


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7", b"\0" * 200, b"P6 1 1 255 abc", b"8BPS\0\1" + bytes(60)])
def test_what_begins_otherwise_has_no_reader(data: bytes) -> None:
    assert list_readers(data) == []


def test_a_camera_file_with_several_pictures_is_a_plain_jpeg() -> None:
    made = io.BytesIO()
    Image.new("RGB", (64, 48)).save(made, "MPO", save_all=True, append_images=[Image.new("RGB", (32, 24))])
    [(name, read)] = list_readers(made.getvalue())
    made.seek(0)
    assert (name, type(read(made, ""))) == ("JPEG", JpegImagePlugin.JpegImageFile)


def test_pillow_counts_no_pixels_itself() -> None:
    assert Image.MAX_IMAGE_PIXELS is None


def test_a_jpeg_needs_no_other_reader() -> None:
    """Importing them takes 15 ms of a process's first answer."""
    looks = (
        "import sys; from db.photos.formats import list_readers; list_readers(b'\\xff\\xd8\\xff'); "
        "print(*[name for name in ('pillow_heif', 'PIL.AvifImagePlugin', 'PIL.TiffImagePlugin') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", looks], check=True, capture_output=True, text=True).stdout == "\n"
