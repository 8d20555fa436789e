"""The formats that the service reads, and how Pillow is set up for them."""

import warnings
from collections.abc import Callable

import pillow_heif
from PIL import Image, JpegImagePlugin

pillow_heif.register_heif_opener()
Image.init()

# The service counts pixels itself, against its own setting, before anything is decoded.
Image.MAX_IMAGE_PIXELS = None

# Pillow's remarks on odd tags, several a file: whoever sends files would decide how much is logged.
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
"""Pillow's names of the formats, in the order they are tried. AVIF goes before HEIF, its container."""

MEDIA_TYPES = tuple(MEDIA_TYPES_BY_FORMAT.values())

_MAGIC_BYTES = 64
"""More than the longest beginning by which a format is known."""

Reader = Callable[[object, str], Image.Image]


def list_readers(data: bytes) -> list[tuple[str, Reader]]:
    """The formats that a file may have by its first bytes, each with Pillow's reader of it.

    Pillow's `Image.open` would try every format it knows. Its reader of JPEG also looks for further pictures behind the first
    (MPO), which nobody asked for, and which fails on files that are sound otherwise.
    """
    start = data[:_MAGIC_BYTES]
    found: list[tuple[str, Reader]] = []
    for name in MEDIA_TYPES_BY_FORMAT:
        factory, accept = Image.OPEN[name]
        if accept is None or accept(start) is True:
            reader: Reader = JpegImagePlugin.JpegImageFile if name == "JPEG" else factory  # type: ignore[assignment]
            found.append((name, reader))
    return found
