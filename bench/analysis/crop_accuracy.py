"""Measures the loss of accuracy by detection and cropping, for several crop geometries.

    python -m bench.analysis.crop_accuracy --csv PATH [--model DIR] [--detector blazeface] [--pictures 600]

Enlarges PublicTest pictures, pastes each on a neutral canvas, detects the face, crops it with several geometries and classifies
it. Compares with the prediction for the picture itself.
"""

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from bench.calibrate_margin import FRAME_PX, lay_on_canvas
from db.core.vocabulary import CROP_SIDE, EMOTIONS
from training.data.dataset import FER_ORDER
from training.export.artifact import list_pretrained
from worker.analysis.classifier import load_classifier
from worker.analysis.crops import crop_faces
from worker.analysis.detectors.base import CropGeometry, Detection
from worker.analysis.detectors.loading import load_detector

FER_TO_VOCABULARY = np.array([EMOTIONS.index(emotion) for emotion in FER_ORDER])
"""FER2013's numbers (angry, disgust, fear, happy, sad, surprise, neutral) in the vocabulary's order."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--csv", type=Path, required=True, help="FER2013 in its published CSV form")
    parser.add_argument("--model", type=Path, help="folder of a model version; without, the one that ships")
    parser.add_argument("--detector", default="blazeface")
    parser.add_argument("--pictures", type=int, default=600)
    arguments = parser.parse_args()

    pictures, labels = sample_test_rows(arguments.csv, arguments.pictures)
    detector = load_detector(arguments.detector)
    classifier = load_classifier(arguments.model or next(iter(list_pretrained().values())), "litert")
    canvases = [lay_on_canvas(picture) for picture in pictures]
    found = [detector.detect(canvas, min_face_px=FRAME_PX // 4)[:1] for canvas in canvases]
    is_found = np.array([bool(detections) for detections in found])
    original = classifier.classify(pictures).argmax(axis=1)
    untouched = np.mean(original[is_found] == labels[is_found])
    print(f"{is_found.sum()} of {len(pictures)} faces found; accuracy on these pictures themselves: {untouched:.4f}\n")
    print("| margin | shift y | heads | accuracy | same answer as the picture |\n| --- | --- | --- | --- | --- |")
    for geometry in choose_geometries(detector.geometry):
        for heads in ("turned upright", "as they are"):
            crops = [
                crop_faces(canvas, [prepare(detections[0], has_eyes=heads == "turned upright")], geometry)[0]
                for canvas, detections in zip(canvases, found, strict=True)
                if detections
            ]
            answers = classifier.classify(np.stack(crops)).argmax(axis=1)
            accuracy, agreement = np.mean(answers == labels[is_found]), np.mean(answers == original[is_found])
            row = f"{geometry.margin:+.2f} | {geometry.shift_y:+.2f} | {heads} | {accuracy:.4f} | {agreement:.4f}"
            print(f"| {row} |", flush=True)


def sample_test_rows(csv_path: Path, count: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.intp]]:
    """Draw PublicTest rows at random: uint8 (N, 48, 48), and their labels in the order of EMOTIONS."""
    rows = pd.read_csv(csv_path)
    rows = rows.loc[rows["Usage"] == "PublicTest"].sample(count, random_state=0)
    pictures = np.stack([np.array(row.split(), np.uint8).reshape(CROP_SIDE, CROP_SIDE) for row in rows["pixels"]])
    return pictures, FER_TO_VOCABULARY[rows["emotion"].to_numpy()]


def choose_geometries(calibrated: CropGeometry) -> list[CropGeometry]:
    """Return the calibrated geometry, the bare box, tighter and looser ones, and one that isn't shifted."""
    margins = [0.0, *(calibrated.margin + step for step in (-0.06, -0.03, 0.0, 0.03, 0.06, 0.12))]
    return [*(CropGeometry(margin, calibrated.shift_y) for margin in margins), CropGeometry(calibrated.margin, 0.0)]


def prepare(detection: Detection, *, has_eyes: bool) -> Detection:
    """Return the detection, without eyes if heads aren't to be turned upright."""
    return detection if has_eyes else Detection(detection.box, detection.score, detection.extent)


if __name__ == "__main__":
    main()
