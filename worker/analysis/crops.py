"""Crops faces in the form of every model's input: grey, 48x48, upright, framed like FER2013."""

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from db.core.vocabulary import CROP_SIDE
from worker.analysis.detectors.base import CropGeometry, Detection, Eyes
from worker.analysis.resize import Picture

MAX_TURNING_SIDE_PX = 4 * CROP_SIDE
"""Larger faces are first reduced to this side, then rotated: rotating a thousand pixels square for 48 would be wasteful."""

MIN_EYE_DISTANCE = 0.15
"""Minimum distance of the eyes as a share of the face's side. Below it the face is in profile, and the line of the eyes says
nothing about its roll.
"""


def crop_faces(picture: Picture, detections: Sequence[Detection], geometry: CropGeometry) -> npt.NDArray[np.uint8]:
    """Crop each face.

    picture: uint8 (H, W, 3), RGB, upright, at full size.
    detections: faces in pixels of `picture`; their extents may reach beyond it.
    geometry: how a crop lies around the extent, from the detector.
    Returns uint8 (N, 48, 48), grey, in the order of `detections`; N may be 0. A tilted head is rotated upright by its eyes, if
    the detector gives them. Areas outside the picture repeat the pixels at its edge.
    """
    crops = np.empty((len(detections), CROP_SIDE, CROP_SIDE), np.uint8)
    for index, detection in enumerate(detections):
        crops[index] = _crop_face(picture, detection, geometry)
    return crops


def measure_roll(eyes: Eyes | None, side: float) -> float:
    """Return the angle of the line through the eyes in radians, positive if the right one (in the picture) is lower.

    side: of the face, in pixels. Zero without eyes, or if they are too close together to tell.
    """
    if eyes is None:
        return 0.0
    x, y = eyes.right[0] - eyes.left[0], eyes.right[1] - eyes.left[1]
    return math.atan2(y, x) if math.hypot(x, y) >= MIN_EYE_DISTANCE * side else 0.0


def _crop_face(picture: Picture, detection: Detection, geometry: CropGeometry) -> npt.NDArray[np.uint8]:
    extent = detection.extent
    face_side = max(extent.right - extent.left, extent.bottom - extent.top)
    roll = measure_roll(detection.eyes, face_side)
    # The crop moves towards the chin along the face's axis, which is tilted with the head.
    center_x = (extent.left + extent.right) / 2 - math.sin(roll) * geometry.shift_y * face_side
    center_y = (extent.top + extent.bottom) / 2 + math.cos(roll) * geometry.shift_y * face_side
    side = max(2.0, face_side * (1 + 2 * geometry.margin))
    if roll == 0.0:
        return _shrink(_cut_square(picture, center_x, center_y, side))
    reach = side * (abs(math.cos(roll)) + abs(math.sin(roll)))
    square = _cut_square(picture, center_x, center_y, reach)
    working_side = min(round(side), MAX_TURNING_SIDE_PX)
    canvas_side = round(square.shape[0] * working_side / side)
    if canvas_side < square.shape[0]:
        square = np.asarray(cv2.resize(square, (canvas_side, canvas_side), interpolation=cv2.INTER_AREA), np.uint8)
    return _shrink(_turn(square, roll, working_side))


def _cut_square(picture: Picture, center_x: float, center_y: float, side: float) -> Picture:
    """Cut out a square and convert it to grey: uint8 (S, S), repeating the edge's pixels outside the picture."""
    height, width = picture.shape[:2]
    pixels = max(1, round(side))
    # At least one row and column lie in the picture, so that there is an edge to repeat.
    left = min(max(round(center_x - side / 2), 1 - pixels), width - 1)
    top = min(max(round(center_y - side / 2), 1 - pixels), height - 1)
    inside = picture[max(0, top) : top + pixels, max(0, left) : left + pixels]
    before_x, before_y = max(0, -left), max(0, -top)
    after_x, after_y = pixels - before_x - inside.shape[1], pixels - before_y - inside.shape[0]
    grey = cv2.cvtColor(np.ascontiguousarray(inside), cv2.COLOR_RGB2GRAY)
    square = cv2.copyMakeBorder(grey, before_y, after_y, before_x, after_x, cv2.BORDER_REPLICATE)
    return np.asarray(square, np.uint8)


def _turn(square: Picture, roll: float, side: int) -> Picture:
    """Rotate a grey square about its centre by `roll`, and return the middle `side` pixels."""
    middle = (square.shape[0] - 1) / 2
    turning = cv2.getRotationMatrix2D((middle, middle), math.degrees(roll), 1.0)
    turning[:, 2] += (side - 1) / 2 - middle
    turned = cv2.warpAffine(square, turning, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(turned, np.uint8)


def _shrink(square: Picture) -> Picture:
    """Resize a grey square to 48x48. INTER_AREA averages when shrinking and interpolates linearly when enlarging."""
    return np.asarray(cv2.resize(square, (CROP_SIDE, CROP_SIDE), interpolation=cv2.INTER_AREA), np.uint8)
