"""Measures memory and time of a worker process for the largest photos, by format. Prints the table of docs/decisions/0305.

python -m bench.analysis.large_photos [--side 9990] [--only png,gif]

Each photo is analysed in a separate process with detector and classifier loaded. Its peak memory is relative to the idle process.
"""

import argparse
import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

import pillow_heif
from PIL import Image

from db.photos.png_chunks import SIGNATURE
from tests.fuzz.files import make_chunk

pillow_heif.register_heif_opener()

_ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
"""Passes of an interlaced PNG: first row and column, and the steps between them."""

ANALYZE = """
import sys, time
from pathlib import Path
from db.photos.errors import PhotoError
from training.export.artifact import list_pretrained
from worker.analysis.classifier import load_classifier
from worker.analysis.detectors.loading import load_detector
from worker.analysis.pipeline import analyze_photo

def read_mb(name):
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name)) / 1000

detector = load_detector("blazeface")
classifier = load_classifier(next(iter(list_pretrained().values())), "litert")
classifier.warm()
idle = read_mb("VmRSS")
data = sys.stdin.buffer.read()
Path("/proc/self/clear_refs").write_text("5")
started = time.process_time()
try:
    analysis = analyze_photo(data, detector, classifier, max_pixels=10**9, min_face_px=24)
    said = f"{analysis.width}x{analysis.height}"
except PhotoError as error:
    said = error.code
peak, after = read_mb("VmHWM") - idle, read_mb("VmRSS") - idle
print(f"{idle:.0f} MB | +{peak:.0f} MB | +{after:.0f} MB | {time.process_time() - started:.1f} s | {said} |")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=9990)
    parser.add_argument("--only", default="", help="names, with commas between")
    arguments = parser.parse_args()
    wanted = arguments.only.split(",") if arguments.only else None
    print("| file | idle | peak | after | processor time | said |\n| --- | --- | --- | --- | --- | --- |")
    for name, make in list_makers(arguments.side).items():
        if wanted is None or name in wanted:
            done = subprocess.run([sys.executable, "-c", ANALYZE], input=make(), stdout=subprocess.PIPE, check=True)
            print(f"| {name} | {done.stdout.decode().strip()}", flush=True)


def list_makers(side: int) -> dict[str, Callable[[], bytes]]:
    """Return functions that make the files: pictures of one colour, which are small in every format."""

    def make(
        mode: str, colour: Any, image_format: str, *, size: tuple[int, int] = (side, side), **options: Any
    ) -> bytes:
        made = io.BytesIO()
        Image.new(mode, size, colour).save(made, image_format, **options)
        return made.getvalue()

    brown, glass = (120, 90, 60), (120, 90, 60, 100)
    return {
        "jpeg": partial(make, "RGB", brown, "JPEG"),
        "jpeg-progressive": partial(make, "RGB", brown, "JPEG", progressive=True),
        "jpeg-progressive-444": partial(make, "RGB", brown, "JPEG", progressive=True, subsampling=0),
        "jpeg-progressive-444-largest": partial(
            make, "RGB", brown, "JPEG", progressive=True, subsampling=0, size=(side * 84 // 100,) * 2
        ),
        "jpeg-cmyk": partial(make, "CMYK", glass, "JPEG"),
        "png": partial(make, "RGB", brown, "PNG", compress_level=1),
        "png-rgba": partial(make, "RGBA", glass, "PNG", compress_level=1),
        "png-16": partial(make, "I;16", 4095, "PNG", compress_level=1),
        "gif": partial(make, "P", 3, "GIF"),
        "bmp-bits": partial(make, "1", 1, "BMP"),
        "tiff-float": partial(make, "F", 3.5, "TIFF", compression="tiff_adobe_deflate"),
        "tiff-one-strip": partial(make, "RGB", brown, "TIFF", compression="tiff_adobe_deflate", strip_size=2**30),
        "jpeg-no-end": lambda: make("RGB", brown, "JPEG")[:-2],
        "jpeg-progressive-no-end": lambda: make("RGB", brown, "JPEG", progressive=True)[:-2],
        "jpeg-wide": partial(make, "RGB", brown, "JPEG", size=(65_500, 1_500)),
        "png-interlaced": lambda: make_png(side, side, is_interlaced=True),
        "png-bad-checksum": lambda: make_png(side, side, is_damaged=True),
        "png-16-rgba": lambda: make_png(side, side, depth=16),
        "png-wide": lambda: make_png(1_000_000, 99),
        "png-tall": lambda: make_png(99, 1_000_000),
        "gif-60-frames": lambda: make_frames("GIF", "P", side // 3, 60),
        "tiff-cmyk": partial(make, "CMYK", glass, "TIFF", compression="tiff_adobe_deflate"),
        "tiff-3-pages": lambda: make_frames("TIFF", "RGB", side, 3, compression="tiff_adobe_deflate"),
        "tiff-one-strip-half": partial(
            make, "RGB", brown, "TIFF", compression="tiff_adobe_deflate", strip_size=2**30, size=(side * 3 // 4,) * 2
        ),
        "webp-largest": partial(make, "RGBA", glass, "WEBP", lossless=True, method=0, size=(side * 51 // 100,) * 2),
        "webp-lossy-largest": partial(make, "RGB", brown, "WEBP", method=0, size=(side * 58 // 100,) * 2),
        "webp-3-frames": lambda: make_frames("WEBP", "RGBA", side // 2, 3, method=0),
        "avif-largest": partial(make, "RGBA", glass, "AVIF", speed=10, quality=40, size=(side * 62 // 100,) * 2),
        "heic-largest": partial(make, "RGBA", glass, "HEIF", quality=30, size=(side * 79 // 100,) * 2),
        "webp": partial(make, "RGB", brown, "WEBP", lossless=True, method=0),
        "avif": partial(make, "RGB", brown, "AVIF", speed=10, quality=40),
        "heic": partial(make, "RGB", brown, "HEIF", quality=30),
    }


def make_frames(image_format: str, mode: str, side: int, count: int, **options: Any) -> bytes:
    """Make a picture of several frames or pages."""
    made = io.BytesIO()
    colours = [number % 250 if mode == "P" else (number % 250, 90, 60, 100)[: len(mode)] for number in range(count)]
    frames = [Image.new(mode, (side, side), colour) for colour in colours]
    frames[0].save(made, image_format, save_all=True, append_images=frames[1:], **options)
    return made.getvalue()


def make_png(
    width: int, height: int, *, depth: int = 8, is_interlaced: bool = False, is_damaged: bool = False
) -> bytes:
    """Make a PNG with a single transparent value. is_damaged: the checksum of its pixels is wrong."""
    packer, parts = zlib.compressobj(1), []
    for top, left, down, across in _ADAM7 if is_interlaced else ((0, 0, 1, 1),):
        row = b"\0" + b"U" * (-(-(width - left) // across) * 4 * depth // 8)
        parts += [packer.compress(row) for _ in range(-(-(height - top) // down))]
    stream = b"".join(parts) + packer.flush()
    stream = stream[:-4] + bytes(4) if is_damaged else stream
    header = struct.pack(">IIBBBBB", width, height, depth, 6, 0, 0, is_interlaced)
    return SIGNATURE + make_chunk(b"IHDR", header) + make_chunk(b"IDAT", stream) + make_chunk(b"IEND", b"")


if __name__ == "__main__":
    main()
