"""Small pictures in every format and pixel type; deterministic for a seed."""

import struct
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import pillow_heif
from PIL import ExifTags, Image

from tests.support.factories.photos import encode_picture

pillow_heif.register_heif_opener()

SIZE = (61, 45)
"""Odd, and no multiple of a block."""


class PhotoFile(NamedTuple):
    """name: what it is, as `png-rgba-16`. image_format: Pillow's name. data: the file."""

    name: str
    image_format: str
    data: bytes


def generate_files(seed: int = 0, size: tuple[int, int] = SIZE) -> list[PhotoFile]:
    """One file of each kind."""
    scene = make_scene(seed, size)
    return [*_make_usual(scene), *_make_turned(scene), *_make_sixteen_bits(scene), *_make_odd(scene)]


def make_scene(seed: int, size: tuple[int, int]) -> Image.Image:
    """Soft blobs of colour with some noise, so that every codec has something to do."""
    rng = np.random.default_rng(seed)
    blobs = rng.integers(0, 256, (5, 6, 3), dtype=np.uint8)
    soft = cv2.resize(blobs, size, interpolation=cv2.INTER_CUBIC).astype(np.int16)
    noisy = np.clip(soft + rng.integers(-8, 9, soft.shape), 0, 255)
    return Image.fromarray(noisy.astype(np.uint8))


def _make_usual(scene: Image.Image) -> Iterator[PhotoFile]:
    layer = scene.convert("RGBA")
    layer.putalpha(scene.convert("L"))
    palette, grey, black = scene.convert("P"), scene.convert("L"), scene.convert("1")
    kinds: list[tuple[str, Image.Image, str, dict[str, Any]]] = [
        ("jpeg", scene, "JPEG", {"quality": 90}),
        ("jpeg-grey", grey, "JPEG", {}),
        ("jpeg-cmyk", scene.convert("CMYK"), "JPEG", {}),
        ("jpeg-progressive", scene, "JPEG", {"progressive": True, "subsampling": 0}),
        ("png", scene, "PNG", {}),
        ("png-rgba", layer, "PNG", {}),
        ("png-palette", palette, "PNG", {"transparency": 3}),
        ("png-grey", grey, "PNG", {}),
        ("png-bits", black, "PNG", {}),
        ("webp", scene, "WEBP", {}),
        ("webp-lossless", layer, "WEBP", {"lossless": True}),
        ("webp-animation", scene, "WEBP", {"save_all": True, "append_images": [scene.rotate(90)]}),
        ("gif", palette, "GIF", {}),
        ("gif-animation", palette, "GIF", {"save_all": True, "append_images": [palette.rotate(90)], "transparency": 5}),
        ("bmp", scene, "BMP", {}),
        ("bmp-palette", palette, "BMP", {}),
        ("bmp-bits", black, "BMP", {}),
        ("tiff", scene, "TIFF", {}),
        ("tiff-lzw", layer, "TIFF", {"compression": "tiff_lzw"}),
        ("tiff-deflate", grey, "TIFF", {"compression": "tiff_adobe_deflate"}),
        ("tiff-jpeg", scene, "TIFF", {"compression": "jpeg"}),
        ("tiff-group4", black, "TIFF", {"compression": "group4"}),
        ("tiff-cmyk", scene.convert("CMYK"), "TIFF", {}),
        ("tiff-float", grey.convert("F"), "TIFF", {"compression": "tiff_adobe_deflate"}),
        ("tiff-pages", scene, "TIFF", {"save_all": True, "append_images": [scene.rotate(90)]}),
        ("heic", scene, "HEIF", {}),
        ("heic-alpha", layer, "HEIF", {}),
        ("avif", scene, "AVIF", {"speed": 9}),
        ("avif-alpha", layer, "AVIF", {"speed": 9}),
    ]
    for name, image, image_format, options in kinds:
        yield PhotoFile(name, image_format, encode_picture(image, image_format, **options))


def _make_turned(scene: Image.Image) -> Iterator[PhotoFile]:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Make] = "Camera"
    for image_format in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"):
        yield PhotoFile(f"{image_format.lower()}-turned", image_format, encode_picture(scene, image_format, exif=exif))


def _make_sixteen_bits(scene: Image.Image) -> Iterator[PhotoFile]:
    colours = np.asarray(scene)[..., ::-1].astype(np.uint16)
    grey = np.asarray(scene.convert("L")).astype(np.uint16)
    for name, values in (("rgb", colours), ("grey", grey)):
        for bits in (16, 12):
            wide = values * (257 if bits == 16 else 16)
            yield PhotoFile(f"png-{name}-{bits}", "PNG", encode_by_opencv(".png", wide))
            yield PhotoFile(f"tiff-{name}-{bits}", "TIFF", encode_by_opencv(".tiff", wide))


def _make_odd(scene: Image.Image) -> Iterator[PhotoFile]:
    yield PhotoFile("png-interlaced", "PNG", make_interlaced_png(scene.convert("L")))
    late = encode_picture(scene, "PNG")
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 8
    end = late.rindex(b"IEND") - 4
    yield PhotoFile("png-exif-last", "PNG", late[:end] + make_chunk(b"eXIf", exif.tobytes()[6:]) + late[end:])


def encode_by_opencv(extension: str, values: npt.NDArray[np.uint16]) -> bytes:
    """A file of 16 bits a sample, which Pillow can't write in colour."""
    is_done, encoded = cv2.imencode(extension, values)
    assert is_done
    return encoded.tobytes()


def make_interlaced_png(grey: Image.Image) -> bytes:
    """A grey PNG in seven passes, which Pillow can't write."""
    pixels = np.asarray(grey)
    rows = []
    for top, left, down, across in (
        (0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1),
    ):  # fmt: skip
        rows += [b"\0" + row.tobytes() for row in pixels[top::down, left::across] if row.size]
    header = make_chunk(b"IHDR", struct.pack(">IIBBBBB", *grey.size, 8, 0, 0, 0, 1))
    body = make_chunk(b"IDAT", zlib.compress(b"".join(rows)))
    return b"\x89PNG\r\n\x1a\n" + header + body + make_chunk(b"IEND", b"")


def make_chunk(kind: bytes, content: bytes) -> bytes:
    """A PNG chunk with its length and checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
