"""Calibrates how far a crop reaches beyond each detector's box, so that it is framed like FER2013's pictures.

    python -m bench.calibrate_margin --csv PATH [--detectors blazeface,hog,mtcnn] [--pictures 600]

Enlarges Training pictures to 240 pixels, pastes them on a neutral canvas, detects the face, and compares the box with the
picture's frame. The medians belong into each detector's geometry, and the table into docs/decisions/0101-crop-framing.md.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd

from db.core.vocabulary import CROP_SIDE
from worker.analysis.detectors.base import Detector, Extent
from worker.analysis.detectors.loading import load_detector
from worker.analysis.resize import Picture

FRAME_PX = 240
CANVAS_PX = 480
NEUTRAL = 128


class Comparison(NamedTuple):
    """ratio: frame side over the box's longer side. shift_x, shift_y: from the box's centre to the frame's, in box sides."""

    ratio: float
    shift_x: float
    shift_y: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--csv", type=Path, required=True, help="FER2013 in its published CSV form")
    parser.add_argument("--detectors", default="blazeface,hog,mtcnn", help="names, with commas between")
    parser.add_argument("--pictures", type=int, default=600, help="how many Training pictures to try")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--yunet-weights", type=Path, help="the .onnx file, for --detectors yunet")
    arguments = parser.parse_args()

    pictures = sample_pictures(arguments.csv, arguments.pictures, arguments.seed)
    print("| detector | found | frame/box, 10 % | median | 90 % | margin | shift x | shift y (10 %, median, 90 %) |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in arguments.detectors.split(","):
        detector = load_detector(name, weights=arguments.yunet_weights)
        found = [compared for picture in pictures if (compared := compare_with_frame(detector, picture)) is not None]
        print(describe(name, found, len(pictures)), flush=True)


def sample_pictures(csv_path: Path, count: int, seed: int) -> list[npt.NDArray[np.uint8]]:
    """Draw Training pictures at random: uint8 (48, 48) each."""
    rows = pd.read_csv(csv_path, usecols=["pixels", "Usage"])
    training = rows.loc[rows["Usage"] == "Training", "pixels"].sample(count, random_state=seed)
    return [np.array(row.split(), np.uint8).reshape(CROP_SIDE, CROP_SIDE) for row in training]


def compare_with_frame(detector: Detector, picture: npt.NDArray[np.uint8]) -> Comparison | None:
    """Detect on the enlarged picture; None if there is no face near its middle."""
    detections = detector.detect(lay_on_canvas(picture), min_face_px=FRAME_PX // 4)
    if not detections:
        return None
    extent: Extent = detections[0].extent
    side = max(extent.right - extent.left, extent.bottom - extent.top)
    offset_x = CANVAS_PX / 2 - (extent.left + extent.right) / 2
    offset_y = CANVAS_PX / 2 - (extent.top + extent.bottom) / 2
    if max(abs(offset_x), abs(offset_y)) > FRAME_PX / 4:
        return None
    return Comparison(FRAME_PX / side, offset_x / side, offset_y / side)


def lay_on_canvas(picture: npt.NDArray[np.uint8]) -> Picture:
    """Enlarge to 240 pixels, in the middle of a grey canvas of 480: uint8 (480, 480, 3)."""
    enlarged = cv2.resize(picture, (FRAME_PX, FRAME_PX), interpolation=cv2.INTER_CUBIC)
    canvas = np.full((CANVAS_PX, CANVAS_PX, 3), NEUTRAL, np.uint8)
    start = (CANVAS_PX - FRAME_PX) // 2
    canvas[start : start + FRAME_PX, start : start + FRAME_PX] = enlarged[..., np.newaxis]
    return canvas


def describe(name: str, found: list[Comparison], tried: int) -> str:
    """One row of the table."""
    values = np.array(found)
    low, median, high = np.percentile(values[:, 0], [10, 50, 90])
    shift_x = np.median(values[:, 1])
    shifts_y = np.percentile(values[:, 2], [10, 50, 90])
    return (
        f"| {name} | {len(found)} of {tried} | {low:.2f} | {median:.3f} | {high:.2f} | {(median - 1) / 2:.3f} "
        f"| {shift_x:+.3f} | {shifts_y[0]:+.3f}, {shifts_y[1]:+.3f}, {shifts_y[2]:+.3f} |"
    )


if __name__ == "__main__":
    main()
