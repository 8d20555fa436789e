"""What every face detector promises: a picture in, all of its faces out, in pixels of that picture."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from worker.analysis.resize import Picture

MIN_FACE_PX = 32
"""Smallest face looked for when nobody says: below it, a 48-pixel crop is mostly interpolation."""


class DetectorUnavailable(Exception):
    """The detector can't run here: a package or a weights file is missing. The message says which, and what to do."""

    code = "detector_unavailable"


class Box(NamedTuple):
    """A bounding box in whole pixels of the upright picture, origin top left."""

    x: int
    y: int
    width: int
    height: int


class Extent(NamedTuple):
    """Where a detector says a face is, in pixels, before rounding; it may reach beyond the picture."""

    left: float
    top: float
    right: float
    bottom: float


class Eyes(NamedTuple):
    """Both eyes as (x, y) in pixels of the picture, named as one sees them there, not as the person would."""

    left: tuple[float, float]
    right: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Detection:
    """One face.

    box: the extent, rounded and cut off at the picture's edges; at least one pixel each way.
    score: how sure the detector is, 0 to 1. Comparable between pictures, not between detectors.
    extent: the face before cutting off, from which crops are framed.
    landmarks: points (x, y) in pixels of the picture, as the entry of `vocabulary.Detector` names them, the eyes first; none
    from some detectors.
    """

    box: Box
    score: float
    extent: Extent
    landmarks: Sequence[tuple[float, float]] = ()

    @property
    def eyes(self) -> Eyes | None:
        """Both eyes, where the detector gives them."""
        return Eyes(*self.landmarks[:2]) if self.landmarks else None


@dataclass(frozen=True, slots=True)
class CropGeometry:
    """How a crop lies about a detector's extent, so that it is framed like the pictures a classifier learned from.

    margin: share of the extent's longer side added on each side.
    shift_y: share of that side by which the centre moves towards the chin.

    Each detector's own framing is calibrated on FER2013: see docs/decisions/0101-crop-framing.md.
    """

    margin: float
    shift_y: float


class Candidates(NamedTuple):
    """Faces as arrays, while a detector still works on them.

    extents: float32 (N, 4), left, top, right, bottom in pixels.
    scores: float32 (N,), 0 to 1.
    landmarks: float32 (N, K, 2), x then y of each detector's own K points, left and right eye first; None where it gives none.
    """

    extents: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    landmarks: npt.NDArray[np.float32] | None = None

    @property
    def eyes(self) -> npt.NDArray[np.float32] | None:
        """float32 (N, 2, 2), left then right eye; None where the detector gives none."""
        return None if self.landmarks is None else self.landmarks[:, :2]

    def scaled(self, factor: float) -> "Candidates":
        """The same faces in a picture `factor` times as large."""
        scale = np.float32(factor)
        return Candidates(self.extents * scale, self.scores, None if self.landmarks is None else self.landmarks * scale)

    def moved(self, x: float, y: float) -> "Candidates":
        """The same faces, where (x, y) was the origin so far."""
        offset = np.array([x, y], np.float32)
        landmarks = None if self.landmarks is None else self.landmarks + offset
        return Candidates(self.extents + np.tile(offset, 2), self.scores, landmarks)

    def take(self, indices: npt.NDArray[np.intp]) -> "Candidates":
        """The faces at these indices, in their order."""
        return Candidates(
            self.extents[indices], self.scores[indices], None if self.landmarks is None else self.landmarks[indices]
        )


class Detector(ABC):
    """A way to find faces. Load it once a process; it isn't safe to share between threads."""

    name: ClassVar[str]
    default_threshold: ClassVar[float]
    """Score from which a candidate counts as a face when nobody says: see docs/decisions/0100-default-detector.md."""
    geometry: ClassVar[CropGeometry]

    def __init__(self, weights: Path | None = None) -> None:
        """weights: the file of weights that is set for the detector, where its entry in the vocabulary names a setting."""
        self._weights = weights

    @abstractmethod
    def load(self) -> None:
        """Import what the detector needs, read its weights and run it once, so that the first photo isn't slower.

        Raises DetectorUnavailable where a package or file is missing.
        """

    def detect(
        self, picture: Picture, *, min_face_px: int = MIN_FACE_PX, threshold: float | None = None
    ) -> list[Detection]:
        """Find every face, the surest first.

        picture: uint8 (H, W, 3), RGB, upright.
        min_face_px: faces whose longer side is shorter than this many pixels of `picture` are left out.
        threshold: score from which a candidate counts as a face, 0 to 1; None takes the detector's own.
        """
        height, width = picture.shape[:2]
        wanted = self.default_threshold if threshold is None else threshold
        candidates = self._find_candidates(picture, min_face_px, wanted)
        detections: list[Detection] = []
        for index in np.argsort(-candidates.scores, kind="stable"):
            extent = Extent(*(float(edge) for edge in candidates.extents[index]))
            box = clip_to_box(extent, width, height)
            longer_side = max(extent.right - extent.left, extent.bottom - extent.top)
            if box is None or longer_side < min_face_px or candidates.scores[index] < wanted:
                continue
            points = () if candidates.landmarks is None else tuple(map(tuple, candidates.landmarks[index].tolist()))
            detections.append(Detection(box, min(1.0, float(candidates.scores[index])), extent, points))
        return detections

    @abstractmethod
    def _find_candidates(self, picture: Picture, min_face_px: int, threshold: float) -> Candidates:
        """Return faces in pixels of `picture`, overlapping ones already merged; what is too weak or small may remain."""


def clip_to_box(extent: Extent, width: int, height: int) -> Box | None:
    """Round an extent and cut it off at the picture's edges; None where nothing of it lies inside."""
    left, top = max(0, round(extent.left)), max(0, round(extent.top))
    right, bottom = min(width, round(extent.right)), min(height, round(extent.bottom))
    if right <= left or bottom <= top:
        return None
    return Box(left, top, right - left, bottom - top)
