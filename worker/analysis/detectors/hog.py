"""dlib's histogram-of-gradients detector, as in face_recognition: no network, no landmarks, upright faces only."""

from typing import Any, ClassVar

import numpy as np

from worker.analysis.detectors.base import Candidates, CropGeometry, Detector
from worker.analysis.detectors.face_recognition_package import import_face_recognition, margin_to_score, score_to_margin
from worker.analysis.resize import Picture, choose_scale, scale_picture

SMALLEST_FACE_PX = 80
"""Side of dlib's sliding window: the smallest face that it finds without enlarging the picture."""

MAX_SIDE_PX = 1280
"""Longer side of the searched picture. Cost is proportional to pixels: 86 ms for a square of this side."""

MAX_SCALE = 2.0
"""Maximum enlargement of small pictures, the default of face_recognition."""


class HogDetector(Detector):
    name: ClassVar[str] = "hog"
    default_threshold: ClassVar[float] = 0.55
    geometry: ClassVar[CropGeometry] = CropGeometry(margin=0.12, shift_y=-0.11)

    def load(self) -> None:
        self._detector: Any = import_face_recognition().face_detector
        self._detector(np.zeros((SMALLEST_FACE_PX, SMALLEST_FACE_PX, 3), np.uint8), 0)

    def _find_candidates(self, picture: Picture, min_face_px: int, threshold: float) -> Candidates:
        scale = choose_scale(picture, SMALLEST_FACE_PX / min_face_px, MAX_SIDE_PX, MAX_SCALE)
        rectangles, margins, _ = self._detector.run(scale_picture(picture, scale), 0, score_to_margin(threshold))
        return rectangles_to_candidates(rectangles, margins).scaled(1 / scale)


def rectangles_to_candidates(rectangles: Any, margins: Any) -> Candidates:
    """Convert dlib's rectangles, whose right and bottom are inclusive, and its margins to arrays."""
    extents = [(face.left(), face.top(), face.right() + 1, face.bottom() + 1) for face in rectangles]
    scores = [margin_to_score(margin) for margin in margins]
    return Candidates(np.array(extents, np.float32).reshape(-1, 4), np.array(scores, np.float32))
