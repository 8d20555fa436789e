"""MTCNN (Zhang et al. 2016) on TensorFlow: a cascade of three networks, on any GPU that TensorFlow supports."""

from typing import Any, ClassVar

import numpy as np

from worker.analysis.detectors.base import Candidates, CropGeometry, Detector, DetectorUnavailable
from worker.analysis.resize import Picture, choose_scale, scale_picture
from worker.core.gpus import list_shared_gpus

SMALLEST_FACE_PX = 20
"""The package's default minimum; its first network has an input of 12 pixels."""

MAX_SIDE_PX = 1280
"""Longer side of the searched picture: the cost of its image pyramid is proportional to pixels."""

_KEYPOINTS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
"""The package's names of the points in `Detector.MTCNN.landmarks`."""


class MtcnnDetector(Detector):
    name: ClassVar[str] = "mtcnn"
    default_threshold: ClassVar[float] = 0.9
    geometry: ClassVar[CropGeometry] = CropGeometry(margin=-0.02, shift_y=-0.01)

    def load(self) -> None:
        try:
            from mtcnn import MTCNN
        except ImportError as error:
            raise DetectorUnavailable(
                "The mtcnn detector needs TensorFlow and the package mtcnn: install emoscope[training]."
            ) from error
        self._detector: Any = MTCNN(device="GPU:0" if list_shared_gpus() else "CPU:0")
        self._find_candidates(np.zeros((240, 320, 3), np.uint8), SMALLEST_FACE_PX, self.default_threshold)

    def _find_candidates(self, picture: Picture, min_face_px: int, threshold: float) -> Candidates:
        scale = choose_scale(picture, SMALLEST_FACE_PX / min_face_px, MAX_SIDE_PX, 1.0)
        working = scale_picture(picture, scale)
        found = self._detector.detect_faces(
            working,
            fit_to_image=False,
            box_format="xyxy",
            min_face_size=max(SMALLEST_FACE_PX, round(min_face_px * scale)),
            threshold_onet=threshold,
        )
        extents = np.array([face["box"] for face in found], np.float32).reshape(-1, 4)
        scores = np.array([face["confidence"] for face in found], np.float32)
        points = [[face["keypoints"][name] for name in _KEYPOINTS] for face in found]
        landmarks = np.array(points, np.float32).reshape(-1, len(_KEYPOINTS), 2)
        return Candidates(extents, scores, landmarks).scaled(1 / scale)
