"""The interface of face detectors: a picture in, all of its faces out, in pixels of that picture."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from worker.analysis.resize import Picture

MIN_FACE_PX = 32
"""Default minimum face size: a 48-pixel crop of a smaller face is mostly interpolated."""


class DetectorUnavailable(Exception):
    """The detector can't run here: a package or a weights file is missing. The message says which, and how to fix it."""

    code = "detector_unavailable"


class Box(NamedTuple):
    """A bounding box in whole pixels of the upright photo, origin top left."""

    x: int
    y: int
    width: int
    height: int


class Extent(NamedTuple):
    """Position of a face according to a detector, in pixels, unrounded; it may reach beyond the picture."""

    left: float
    top: float
    right: float
    bottom: float


class Eyes(NamedTuple):
    """Both eyes as (x, y) in pixels of the picture. Left and right are those of the picture, not of the person."""

    left: tuple[float, float]
    right: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Detection:
    """A detected face.

    box: the extent, rounded and clipped to the picture; at least one pixel wide and high.
    score: confidence of the detector, 0 to 1. Comparable between pictures, not between detectors.
    extent: the unclipped face, from which crops are framed.
    landmarks: points (x, y) in pixels of the picture, in the order of `vocabulary.Detector`, the eyes first; empty for some
    detectors.
    """

    box: Box
    score: float
    extent: Extent
    landmarks: Sequence[tuple[float, float]] = ()

    @property
    def eyes(self) -> Eyes | None:
        """Both eyes, if the detector gives them."""
        return Eyes(*self.landmarks[:2]) if self.landmarks else None


@dataclass(frozen=True, slots=True)
class CropGeometry:
    """How a crop lies around a detector's extent, so that it is framed like the training pictures.

    margin: share of the extent's longer side added on each side. shift_y: share of that side by which the centre moves towards
    the chin. Each detector's geometry is calibrated on FER2013: see docs/decisions/0101-crop-framing.md.
    """

    margin: float
    shift_y: float


class Candidates(NamedTuple):
    """Faces as arrays, for use inside detectors.

    extents: float32 (N, 4), left, top, right, bottom in pixels.
    scores: float32 (N,), 0 to 1.
    landmarks: float32 (N, K, 2), x and y of each detector's own K points, left and right eye first; None if it gives none.
    """

    extents: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    landmarks: npt.NDArray[np.float32] | None = None

    @property
    def eyes(self) -> npt.NDArray[np.float32] | None:
        """float32 (N, 2, 2), left then right eye; None if the detector gives none."""
        return None if self.landmarks is None else self.landmarks[:, :2]

    def scaled(self, factor: float) -> "Candidates":
        """Return the same faces in a picture `factor` times as large."""
        scale = np.float32(factor)
        return Candidates(self.extents * scale, self.scores, None if self.landmarks is None else self.landmarks * scale)

    def moved(self, x: float, y: float) -> "Candidates":
        """Return the same faces after moving the origin from (x, y) to (0, 0)."""
        offset = np.array([x, y], np.float32)
        landmarks = None if self.landmarks is None else self.landmarks + offset
        return Candidates(self.extents + np.tile(offset, 2), self.scores, landmarks)

    def take(self, indices: npt.NDArray[np.intp]) -> "Candidates":
        """Return the faces at these indices, in that order."""
        return Candidates(
            self.extents[indices], self.scores[indices], None if self.landmarks is None else self.landmarks[indices]
        )


class Detector(ABC):
    """A face detector. Load it once per process; it isn't thread-safe."""

    name: ClassVar[str]
    default_threshold: ClassVar[float]
    """Default score threshold: see docs/decisions/0100-default-detector.md."""
    geometry: ClassVar[CropGeometry]

    def __init__(self, weights: Path | None = None) -> None:
        """weights: path of the detector's weights file, if its entry in the vocabulary names a setting for it."""
        self._weights = weights

    @abstractmethod
    def load(self) -> None:
        """Import packages, read the weights, and allocate what every photo needs, so that the first one is hardly slower.

        Raises DetectorUnavailable if a package or file is missing.
        """

    def detect(
        self, picture: Picture, *, min_face_px: int = MIN_FACE_PX, threshold: float | None = None
    ) -> list[Detection]:
        """Find all faces, highest score first.

        picture: uint8 (H, W, 3), RGB, upright.
        min_face_px: faces whose longer side is shorter than this many pixels of `picture` are left out.
        threshold: minimum score, 0 to 1; None uses the detector's own.
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
        """Return faces in pixels of `picture`, with overlapping ones merged; weak or small ones may be included."""


def clip_to_box(extent: Extent, width: int, height: int) -> Box | None:
    """Round an extent and clip it to the picture; None if it lies outside."""
    left, top = max(0, round(extent.left)), max(0, round(extent.top))
    right, bottom = min(width, round(extent.right)), min(height, round(extent.bottom))
    if right <= left or bottom <= top:
        return None
    return Box(left, top, right - left, bottom - top)
