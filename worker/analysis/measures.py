"""Measures of a face besides its emotion: pose from the landmarks, image quality from the crop."""

import math

from db.faces.measures import FaceMeasures
from worker.analysis.conditions import CropMeasures
from worker.analysis.crops import MIN_EYE_DISTANCE
from worker.analysis.detectors.base import Detection, Extent

NOSE_DEPTH = 1.15
"""Distance of the nose tip in front of the eyes, in half eye distances: 3.6 of 3.15 units in MediaPipe's canonical face model."""

_NOSE = 2


def measure_face(detection: Detection, crop: CropMeasures, width: int, height: int) -> FaceMeasures:
    """Measure a face. detection: in pixels of the upright photo, which has `width` x `height` pixels."""
    extent = detection.extent
    side = max(extent.right - extent.left, extent.bottom - extent.top)
    roll_deg, yaw_deg = measure_pose(detection, side)
    return FaceMeasures(
        landmarks=detection.landmarks,
        roll_deg=roll_deg,
        yaw_deg=yaw_deg,
        sharpness=round(crop.sharpness, 4),
        brightness=round(crop.mean_grey / 255, 4),
        inside_share=round(measure_inside_share(extent, width, height), 4),
    )


def measure_pose(detection: Detection, side: float) -> tuple[float | None, float | None]:
    """Return roll and approximate yaw in degrees; None without suitable landmarks. side: of the face, in pixels.

    Yaw assumes a head of average shape: turning it moves the nose tip along the line of the eyes by the sine of the angle, and
    reduces the distance of the eyes by its cosine.
    """
    eyes = detection.eyes
    if eyes is None:
        return None, None
    across, down = eyes.right[0] - eyes.left[0], eyes.right[1] - eyes.left[1]
    distance = math.hypot(across, down)
    roll_deg = round(math.degrees(math.atan2(down, across)), 1) if distance >= MIN_EYE_DISTANCE * side else None
    if len(detection.landmarks) <= _NOSE or distance == 0:
        return roll_deg, None
    nose = detection.landmarks[_NOSE]
    middle = (eyes.left[0] + eyes.right[0]) / 2, (eyes.left[1] + eyes.right[1]) / 2
    moved = ((nose[0] - middle[0]) * across + (nose[1] - middle[1]) * down) / distance
    return roll_deg, round(math.degrees(math.atan2(moved, NOSE_DEPTH * distance / 2)), 1)


def measure_inside_share(extent: Extent, width: int, height: int) -> float:
    """Return the share of a face's box that lies in the picture, 0 to 1."""
    area = (extent.right - extent.left) * (extent.bottom - extent.top)
    inside_width = min(extent.right, width) - max(extent.left, 0)
    inside_height = min(extent.bottom, height) - max(extent.top, 0)
    return max(0.0, inside_width) * max(0.0, inside_height) / area if area > 0 else 0.0
