"""dlib's convolutional detector, as in face_recognition. For builds of dlib with CUDA; takes seconds per photo on a CPU."""

from typing import Any, ClassVar

import numpy as np

from worker.analysis.detectors.base import Candidates, CropGeometry, Detector
from worker.analysis.detectors.face_recognition_package import import_face_recognition
from worker.analysis.detectors.hog import SMALLEST_FACE_PX, rectangles_to_candidates
from worker.analysis.resize import Picture, choose_scale, scale_picture

MAX_SIDE_PX, MAX_SIDE_ON_CPU_PX = 1280, 640
"""Longer side of the searched picture: limits memory on a GPU, and time on a CPU, which takes over 5 s for 1280x960 pixels."""

MAX_SCALE = 2.0
"""Maximum enlargement of small pictures."""


class CnnDetector(Detector):
    name: ClassVar[str] = "cnn"
    default_threshold: ClassVar[float] = 0.55
    geometry: ClassVar[CropGeometry] = CropGeometry(margin=0.06, shift_y=-0.02)

    def load(self) -> None:
        package = import_face_recognition()
        self._max_side_px = MAX_SIDE_PX if package.dlib.DLIB_USE_CUDA else MAX_SIDE_ON_CPU_PX
        self._detector: Any = package.cnn_face_detector
        self._detector(np.zeros((SMALLEST_FACE_PX, SMALLEST_FACE_PX, 3), np.uint8), 0)

    def _find_candidates(self, picture: Picture, min_face_px: int, threshold: float) -> Candidates:
        scale = choose_scale(picture, SMALLEST_FACE_PX / min_face_px, self._max_side_px, MAX_SCALE)
        working = scale_picture(picture, scale)
        # dlib refuses pictures narrower than its filters
        missing_height, missing_width = (max(0, SMALLEST_FACE_PX - side) for side in working.shape[:2])
        working = np.pad(working, ((0, missing_height), (0, missing_width), (0, 0)), mode="edge")
        found = self._detector(working, 0)
        faces = rectangles_to_candidates([face.rect for face in found], [face.confidence for face in found])
        return faces.take(np.flatnonzero(faces.scores >= threshold)).scaled(1 / scale)
