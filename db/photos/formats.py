"""The supported formats, and Pillow's configuration for them."""

import warnings
from collections.abc import Callable

import pillow_heif
from PIL import (  # each registers its format. Pillow's `Image.init` imports all forty, which takes 25 ms more in each process
    AvifImagePlugin,  # noqa: F401
    BmpImagePlugin,  # noqa: F401
    GifImagePlugin,  # noqa: F401
    Image,
    JpegImagePlugin,
    PngImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    WebPImagePlugin,  # noqa: F401
)

pillow_heif.register_heif_opener()

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

_MAGIC_BYTES = 64
"""More than the longest signature of a format."""

Reader = Callable[[object, str], Image.Image]


def list_readers(data: bytes) -> list[tuple[str, Reader]]:
    """Return the formats that match a file's first bytes, each with Pillow's reader.

    Pillow's `Image.open` would try every format. Its JPEG reader also looks for further pictures behind the first one (MPO), which
    we don't need and which fails on some valid files.
    """
    start = data[:_MAGIC_BYTES]
    found: list[tuple[str, Reader]] = []
    for name in MEDIA_TYPES_BY_FORMAT:
        factory, accept = Image.OPEN[name]
        if accept is None or accept(start) is True:
            reader: Reader = JpegImagePlugin.JpegImageFile if name == "JPEG" else factory  # type: ignore[assignment]
            found.append((name, reader))
    return found
