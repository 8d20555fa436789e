"""YuNet (Wu et al. 2023) by OpenCV. None of our dependencies contains its weights, so a setting names the file."""

from typing import Any, ClassVar

import cv2
import numpy as np

from worker.analysis.detectors.base import Candidates, CropGeometry, Detector, DetectorUnavailable
from worker.analysis.detectors.merging import MIN_IOU
from worker.analysis.resize import Picture, choose_scale, scale_picture

SMALLEST_FACE_PX = 10
"""Smallest side of a face that the network was trained to find, in pixels of its input."""

MAX_SIDE_PX = 1280
"""Longer side of the searched picture."""

MAX_CANDIDATES = 5000
"""Maximum candidates before non-maximum suppression; OpenCV's default."""


class YunetDetector(Detector):
    name: ClassVar[str] = "yunet"
    default_threshold: ClassVar[float] = 0.7
    geometry: ClassVar[CropGeometry] = CropGeometry(margin=-0.05, shift_y=-0.02)

    def load(self) -> None:
        if self._weights is None:
            raise DetectorUnavailable(
                "The yunet detector needs a weights file: set EMOSCOPE_YUNET_WEIGHTS to the path of the .onnx file."
            )
        if not self._weights.is_file():
            raise DetectorUnavailable(f"The yunet detector's weights file {self._weights} does not exist.")
        try:
            self._detector: Any = cv2.FaceDetectorYN.create(
                str(self._weights), "", (320, 320), nms_threshold=MIN_IOU, top_k=MAX_CANDIDATES
            )
            self._find_candidates(np.zeros((320, 320, 3), np.uint8), SMALLEST_FACE_PX, self.default_threshold)
        except cv2.error as error:
            raise DetectorUnavailable(
                f"The yunet detector's weights file {self._weights} is not a network that OpenCV can run: {error.err}"
            ) from error

    def _find_candidates(self, picture: Picture, min_face_px: int, threshold: float) -> Candidates:
        scale = choose_scale(picture, SMALLEST_FACE_PX / min_face_px, MAX_SIDE_PX, 1.0)
        working = scale_picture(picture, scale)
        self._detector.setInputSize((working.shape[1], working.shape[0]))
        self._detector.setScoreThreshold(threshold)
        _, found = self._detector.detect(cv2.cvtColor(working, cv2.COLOR_RGB2BGR))
        # Columns: left, top, width, height; five points of x and y, the eye on the left of the picture first; the score.
        faces = np.empty((0, 15), np.float32) if found is None else np.asarray(found, np.float32)
        extents = np.concatenate([faces[:, :2], faces[:, :2] + faces[:, 2:4]], axis=1)
        return Candidates(extents, faces[:, 14], faces[:, 4:14].reshape(-1, 5, 2)).scaled(1 / scale)
