"""The supported formats, and Pillow's configuration for them."""

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

from PIL import Image, JpegImagePlugin

# The service checks the number of pixels itself, against its own setting, before it decodes.
Image.MAX_IMAGE_PIXELS = None

# Pillow warns about odd tags, several times per file, so senders could flood the log.
warnings.filterwarnings("ignore", module=r"PIL\.")

MEDIA_TYPES_BY_FORMAT = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "TIFF": "image/tiff",
    "AVIF": "image/avif",
    "HEIF": "image/heic",
}
"""Pillow's names of the formats, in the order in which they are tried. AVIF precedes HEIF, its container."""

MEDIA_TYPES = tuple(MEDIA_TYPES_BY_FORMAT.values())

_JPEG_START = b"\xff\xd8\xff"
"""No other format starts like this."""

_MAGIC_BYTES = 64
"""More than the longest signature of a format."""

Reader = Callable[[Any, str], Image.Image]


def list_readers(data: bytes) -> list[tuple[str, Reader]]:
    """Return the formats that match a file's first bytes, each with Pillow's reader.

    Pillow's `Image.open` would try every format. Its JPEG reader also looks for further pictures behind the first one (MPO), which
    we don't need and which fails on some valid files.
    """
    if data.startswith(_JPEG_START):
        return [("JPEG", JpegImagePlugin.JpegImageFile)]
    _register_formats()
    start = data[:_MAGIC_BYTES]
    found: list[tuple[str, Reader]] = []
    for name in MEDIA_TYPES_BY_FORMAT:
        factory, accept = Image.OPEN[name]
        if name != "JPEG" and (accept is None or accept(start) is True):
            found.append((name, factory))
    return found


@cache
def _register_formats() -> None:
    """Import the readers of all formats but JPEG, which take 15 ms. Pillow's `Image.init` would import all forty."""
    import pillow_heif
    from PIL import (
        AvifImagePlugin,  # noqa: F401
        BmpImagePlugin,  # noqa: F401
        GifImagePlugin,  # noqa: F401
        PngImagePlugin,  # noqa: F401
        TiffImagePlugin,  # noqa: F401
        WebPImagePlugin,  # noqa: F401
    )

    pillow_heif.register_heif_opener()
