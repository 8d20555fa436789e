"""Measures of a face besides its emotion: landmarks, pose, and image quality."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from db.core.vocabulary import Detector, Landmark


@dataclass(frozen=True, kw_only=True, slots=True)
class FaceMeasures:
    """The measures of one face.

    landmarks: (x, y) in pixels of the upright photo, in the order of the detector's entry in the vocabulary; may be empty.
    roll_deg: tilt to the right of the picture, -180 to 180.
    yaw_deg: turn to the right of the picture, -90 to 90, approximate. Both None without suitable landmarks.
    sharpness: mean size of the Laplacian of the standardised crop.
    brightness: mean grey of the crop, 0 to 1.
    inside_share: share of the box inside the picture, 0 to 1.
    """

    landmarks: Sequence[tuple[float, float]]
    roll_deg: float | None
    yaw_deg: float | None
    sharpness: float
    brightness: float
    inside_share: float

    def to_columns(self) -> dict[str, Any]:
        """Return the values of a row of `faces`. Landmarks are rounded to a tenth of a pixel: about 80 bytes for six."""
        return {
            "landmarks": [round(value, 1) for point in self.landmarks for value in point],
            "roll_deg": self.roll_deg,
            "yaw_deg": self.yaw_deg,
            "sharpness": self.sharpness,
            "brightness": self.brightness,
            "inside_share": self.inside_share,
        }


def name_landmarks(detector: Detector, stored: Sequence[float]) -> list[tuple[Landmark, float, float]]:
    """Return the landmarks of a stored face with their names. stored: x and y of each in turn."""
    points = zip(stored[::2], stored[1::2], strict=True)
    return [(name, x, y) for name, (x, y) in zip(detector.landmarks, points, strict=False)]
