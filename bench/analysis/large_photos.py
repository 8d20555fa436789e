"""Memory and time that a worker process takes for the largest photos, by format. Prints the table of docs/decisions/0305.

python -m bench.analysis.large_photos [--side 9990] [--only png,gif]

Every photo is analysed in a process of its own, whose peak is told over its idle size, with detector and classifier loaded.
"""

import argparse
import io
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import pillow_heif
from PIL import Image

pillow_heif.register_heif_opener()

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
    """What makes each file: pictures of one colour, which are small files in every format."""

    def make(mode: str, colour: Any, image_format: str, **options: Any) -> bytes:
        made = io.BytesIO()
        Image.new(mode, (side, side), colour).save(made, image_format, **options)
        return made.getvalue()

    brown, glass = (120, 90, 60), (120, 90, 60, 100)
    return {
        "jpeg": partial(make, "RGB", brown, "JPEG"),
        "jpeg-progressive": partial(make, "RGB", brown, "JPEG", progressive=True),
        "jpeg-progressive-444": partial(make, "RGB", brown, "JPEG", progressive=True, subsampling=0),
        "jpeg-cmyk": partial(make, "CMYK", glass, "JPEG"),
        "png": partial(make, "RGB", brown, "PNG", compress_level=1),
        "png-rgba": partial(make, "RGBA", glass, "PNG", compress_level=1),
        "png-16": partial(make, "I;16", 4095, "PNG", compress_level=1),
        "gif": partial(make, "P", 3, "GIF"),
        "bmp-bits": partial(make, "1", 1, "BMP"),
        "tiff-float": partial(make, "F", 3.5, "TIFF", compression="tiff_adobe_deflate"),
        "tiff-one-strip": partial(make, "RGB", brown, "TIFF", compression="tiff_adobe_deflate", strip_size=2**30),
        "webp": partial(make, "RGB", brown, "WEBP", lossless=True, method=0),
        "avif": partial(make, "RGB", brown, "AVIF", speed=10, quality=40),
        "heic": partial(make, "RGB", brown, "HEIF", quality=30),
    }


if __name__ == "__main__":
    main()
