"""Small pictures of every format."""

import io
from collections.abc import Callable

import pytest
from PIL import ExifTags, Image

from tests.fuzz.files import PhotoFile, generate_files


@pytest.fixture(scope="session")
def photo_files() -> list[PhotoFile]:
    """One file of each kind of each format."""
    return generate_files()


@pytest.fixture(scope="session")
def make_photo() -> Callable[..., bytes]:
    """Makes a picture of one colour, 64 by 48 pixels, in any format."""

    def make(image_format: str = "JPEG", size: tuple[int, int] = (64, 48), orientation: int = 1) -> bytes:
        made, exif = io.BytesIO(), Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        more = {} if orientation == 1 else {"exif": exif}
        Image.new("RGB", size, "navy").save(made, image_format, **more)
        return made.getvalue()

    return make
