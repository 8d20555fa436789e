"""Measures the milliseconds of each step of a photo's analysis, on one core.

python -m bench.analysis.photo_times [--model DIR] [--detector blazeface] [--repeats 25]
"""

import argparse
from pathlib import Path

from PIL import Image

from emoscope.stack.demo_photos import encode_jpeg, load_demo_photos, load_portrait
from training.export.artifact import list_pretrained
from worker.analysis.classifier import load_classifier
from worker.analysis.detectors.loading import load_detector
from worker.analysis.pipeline import Analysis, analyze_photo

SIZES = ((512, 512), (640, 480), (1280, 960), (1920, 1280), (4000, 3000))
STEPS = ("decode", "detect", "crop", "classify")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="folder of a model version; without, the one that ships")
    parser.add_argument("--detector", default="blazeface")
    parser.add_argument("--repeats", type=int, default=25)
    parser.add_argument("--min-face-px", type=int, default=24)
    arguments = parser.parse_args()

    detector = load_detector(arguments.detector)
    classifier = load_classifier(arguments.model or next(iter(list_pretrained().values())), "litert")
    classifier.warm()
    portrait = load_portrait("astronaut").image
    photos = {
        f"portrait {width}x{height}": encode_jpeg(portrait.resize((width, height), Image.Resampling.LANCZOS))
        for width, height in SIZES
    } | {"page 1280x960": load_demo_photos()[1].data}

    print("| photo | faces | " + " | ".join(STEPS) + " | all |\n|" + " --- |" * (len(STEPS) + 3))
    for name, data in photos.items():
        analyses = [
            analyze_photo(data, detector, classifier, max_pixels=10**8, min_face_px=arguments.min_face_px)
            for _ in range(arguments.repeats)
        ]
        quickest = min(analyses, key=total_ms)
        steps = " | ".join(f"{quickest.timings_ms[step]:.1f}" for step in STEPS)
        print(f"| {name} | {len(quickest.faces)} | {steps} | {total_ms(quickest):.1f} |", flush=True)


def total_ms(analysis: Analysis) -> float:
    return sum(analysis.timings_ms.values())


if __name__ == "__main__":
    main()
