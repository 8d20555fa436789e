"""Measures recall, false faces and time of every detector on pictures with known faces.

    python -m bench.detectors.compare [--csv PATH] [--detectors blazeface,hog,mtcnn] [--timings-only]

Prints the tables of docs/decisions/0100-default-detector.md. Without --csv, FER2013's faces are left out.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from bench.detectors.full_range import FullRangeDetector
from bench.detectors.scenes import Scene, build_scenes, to_picture
from emoscope.stack.demo_photos import FaceBox, load_portrait
from worker.analysis.detectors.base import Detection, Detector
from worker.analysis.detectors.hog import HogDetector
from worker.analysis.detectors.loading import load_detector
from worker.analysis.resize import Picture

MIN_FACE_PX = 24
SIZES = ((512, 512), (640, 480), (1280, 960), (1920, 1280))


class Tally(NamedTuple):
    """found: true faces with a detection. faces: true faces. false: detections without one."""

    found: int
    faces: int
    false: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--csv", type=Path, help="FER2013 in its published CSV form")
    parser.add_argument("--detectors", default="blazeface,full-range,hog,hog0,mtcnn", help="names, with commas between")
    parser.add_argument("--threshold", type=float, help="least score, in place of each detector's own")
    parser.add_argument("--timings-only", action="store_true")
    parser.add_argument("--yunet-weights", type=Path, help="the .onnx file, for --detectors yunet")
    arguments = parser.parse_args()

    detectors = {name: make_detector(name, arguments.yunet_weights) for name in arguments.detectors.split(",")}
    if not arguments.timings_only:
        print_recall(detectors, list(build_scenes(arguments.csv)), arguments.threshold)
    print_timings(detectors)


def make_detector(name: str, yunet_weights: Path | None) -> Detector:
    """Return a detector by name, or one of the two variants that exist only in this comparison."""
    variants: dict[str, type[Detector]] = {"full-range": FullRangeDetector, "hog0": HogNotEnlargedDetector}
    if name not in variants:
        return load_detector(name, weights=yunet_weights)
    detector = variants[name]()
    detector.load()
    return detector


class HogNotEnlargedDetector(HogDetector):
    """dlib's detector without enlarging the picture (upsampling 0)."""

    def detect(self, picture: Picture, *, min_face_px: int = 80, threshold: float | None = None) -> list[Detection]:
        return super().detect(picture, min_face_px=max(80, min_face_px), threshold=threshold)


def print_recall(detectors: dict[str, Detector], scenes: Sequence[Scene], threshold: float | None) -> None:
    """Print one row per group of scenes: faces found, all faces, and false ones."""
    print("| pictures | " + " | ".join(detectors) + " |\n|" + " --- |" * (len(detectors) + 1))
    tallies: dict[str, dict[str, list[Tally]]] = defaultdict(lambda: defaultdict(list))
    for scene in scenes:
        for name, detector in detectors.items():
            found = detector.detect(scene.picture, min_face_px=MIN_FACE_PX, threshold=threshold)
            tallies[scene.group][name].append(match_faces(found, scene.faces))
    for group, by_name in tallies.items():
        print(f"| {group} | " + " | ".join(describe(by_name[name]) for name in detectors) + " |")
    everything = {name: [tally for group in tallies.values() for tally in group[name]] for name in detectors}
    print("| all | " + " | ".join(describe(everything[name]) for name in detectors) + " |\n", flush=True)


def match_faces(detections: Sequence[Detection], faces: Sequence[FaceBox]) -> Tally:
    """Match each true face with the first detection of similar position and size.

    Detectors frame faces differently, so centres may be 0.4 sides apart, and sides may differ by a factor of two.
    """
    free = list(detections)
    found = 0
    for left, top, side, _ in faces:
        for detection in free:
            box = detection.extent
            distance_x = (box.left + box.right) / 2 - left - side / 2
            distance_y = (box.top + box.bottom) / 2 - top - side / 2
            ratio = max(box.right - box.left, box.bottom - box.top) / side
            if np.hypot(distance_x, distance_y) < 0.4 * side and 0.5 < ratio < 2:
                free.remove(detection)
                found += 1
                break
    return Tally(found, len(faces), len(free))


def describe(tallies: Sequence[Tally]) -> str:
    found, faces, false = (sum(values) for values in zip(*tallies, strict=True))
    return f"{found}/{faces} +{false}" if faces else f"+{false}"


def print_timings(detectors: dict[str, Detector], repeats: int = 25) -> None:
    """Print one row per size of the astronaut: the least processor time of `repeats`, because other programs may use the
    machine.
    """
    print("| picture | " + " | ".join(detectors) + " |\n|" + " --- |" * (len(detectors) + 1))
    portrait = load_portrait("astronaut").image
    for width, height in SIZES:
        picture = to_picture(portrait.resize((width, height), Image.Resampling.LANCZOS))
        times = [least_ms(detector, picture, repeats) for detector in detectors.values()]
        print(f"| {width}x{height} | " + " | ".join(f"{least:.1f} ms" for least in times) + " |", flush=True)


def least_ms(detector: Detector, picture: Picture, repeats: int) -> float:
    detector.detect(picture, min_face_px=MIN_FACE_PX)
    times = []
    for _ in range(repeats):
        started = time.process_time()
        detector.detect(picture, min_face_px=MIN_FACE_PX)
        times.append(time.process_time() - started)
    return 1000 * min(times)


if __name__ == "__main__":
    main()
