"""Compares the processor time of a photo's analysis in two checkouts, to measure the effect of a change.

python -m bench.analysis.beside OTHER [--repeats 15] [--rounds 5] [--json FILE]

OTHER is the root of another checkout, such as a git worktree of the previous commit. Both run alternately in separate processes,
on the same photos and with the same packages, so that other load affects both. Prints for each size the median of the rounds'
least processor times, and the ratio with minimum and maximum.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
SIZES = ((512, 512), (640, 480), (1280, 960), (1920, 1280))

MEASURE = """
import io, json, sys, time
from PIL import Image
from emoscope.stack.demo_photos import compose_page, encode_jpeg, load_portrait
from training.export.artifact import list_pretrained
from worker.analysis.classifier import load_classifier
from worker.analysis.detectors.loading import load_detector
from worker.analysis.pipeline import analyze_photo

sizes, repeats = json.loads(sys.argv[1]), int(sys.argv[2])
detector = load_detector("blazeface")
classifier = load_classifier(next(iter(list_pretrained().values())), "litert")
page = Image.open(io.BytesIO(compose_page().data)).convert("RGB")
photos = [[encode_jpeg(image.resize(size)) for image in (load_portrait("astronaut").image, page)] for size in sizes]
for data in (data for pair in photos for data in pair):
    analyze_photo(data, detector, classifier, max_pixels=10**8, min_face_px=24)
least = [[float("inf")] * 2 for _ in sizes]
for _ in range(repeats):
    for row, pair in enumerate(photos):  # sizes follow one another, as photos of a service do
        for column, data in enumerate(pair):
            started = time.process_time()
            analyze_photo(data, detector, classifier, max_pixels=10**8, min_face_px=24)
            least[row][column] = min(least[row][column], 1000 * (time.process_time() - started))
print(json.dumps([sum(pair) / 2 for pair in least]))
"""


class Row(NamedTuple):
    """One photo size. ours_ms, other_ms: processor time per photo. ratio: other / ours; with minimum and maximum of the rounds."""

    size: str
    ours_ms: float
    other_ms: float
    ratio: float
    least_ratio: float
    greatest_ratio: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path, help="root of the other checkout")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="file for the same rows as JSON")
    arguments = parser.parse_args()

    rounds = [
        (measure(ROOT, arguments.repeats), measure(arguments.other, arguments.repeats)) for _ in range(arguments.rounds)
    ]
    rows = [summarize(index, rounds) for index in range(len(SIZES))]
    print("| photo | here | other | times as fast |\n| --- | --- | --- | --- |")
    for row in rows:
        spread = f"{row.ratio:.2f} ({row.least_ratio:.2f} to {row.greatest_ratio:.2f})"
        print(f"| {row.size} | {row.ours_ms:.1f} ms | {row.other_ms:.1f} ms | {spread} |")
    if arguments.json:
        arguments.json.write_text(json.dumps([row._asdict() for row in rows], indent=2) + "\n")


def measure(root: Path, repeats: int) -> list[float]:
    """Return milliseconds of processor time per photo, by size, in a new process that runs a checkout's code."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", MEASURE, json.dumps(SIZES), str(repeats)],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        check=True,
    )
    return [float(value) for value in json.loads(done.stdout)]


def summarize(index: int, rounds: list[tuple[list[float], list[float]]]) -> Row:
    ratios = [other[index] / ours[index] for ours, other in rounds]
    width, height = SIZES[index]
    return Row(
        f"{width}x{height}",
        statistics.median(ours[index] for ours, _ in rounds),
        statistics.median(other[index] for _, other in rounds),
        statistics.median(ratios),
        min(ratios),
        max(ratios),
    )


if __name__ == "__main__":
    main()
