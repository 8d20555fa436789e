"""A photo -> what every face in it appears to express. Reads from top to bottom: decode, detect, crop, classify."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from db.core.vocabulary import CROP_SIDE, EMOTIONS, Emotion
from worker.analysis.classifier import Classifier
from worker.analysis.crops import crop_faces
from worker.analysis.decode import ReducedPicture, decode_photo, decode_reduced
from worker.analysis.detectors.base import Box, CropGeometry, Detection, Detector, Extent, Eyes, clip_to_box

MIN_CROP_SOURCE_PX = 2 * CROP_SIDE
"""A crop is cut from a reduced picture only if it is at least this wide there, so that it still averages pixels."""


@dataclass(frozen=True, slots=True)
class AnalyzedFace:
    """One face.

    box: in pixels of the upright picture. detection_score: 0 to 1.
    probabilities: seven, in the vocabulary's order, summing to 1.
    crop: what the model saw: 2,304 bytes, 48 rows of 48 grey pixels.
    """

    box: Box
    detection_score: float
    probabilities: tuple[float, ...]
    crop: bytes

    @property
    def emotion(self) -> Emotion:
        """The likeliest."""
        return EMOTIONS[self.probabilities.index(max(self.probabilities))]

    @property
    def confidence(self) -> float:
        """The likeliest emotion's probability."""
        return max(self.probabilities)


@dataclass(frozen=True, slots=True)
class Analysis:
    """What one photo gave.

    width, height: of the upright picture, in pixels.
    faces: the surest detection first; there may be none.
    timings_ms: how long each step took: decode, detect, crop, classify.
    """

    width: int
    height: int
    faces: tuple[AnalyzedFace, ...]
    timings_ms: dict[str, float]


def analyze_photo(
    data: bytes,
    detector: Detector,
    classifier: Classifier,
    *,
    max_pixels: int,
    min_face_px: int,
    threshold: float | None = None,
) -> Analysis:
    """Find every face in a photo and judge it.

    data: the file's bytes, of any format that worker.analysis.decode reads.
    detector, classifier: loaded.
    max_pixels: most that the picture may have, width times height.
    min_face_px: least side of a face in pixels of the picture at full size.
    threshold: least detection score, 0 to 1; None takes the detector's own.
    Raises worker.analysis.decode.PhotoError where the photo can't be decoded.
    """
    clock = StepClock()
    reduced = decode_reduced(data, max_pixels=max_pixels)
    clock.end_step("decode")

    min_reduced_px = max(1, round(min_face_px / reduced.factor))
    found = detector.detect(reduced.picture, min_face_px=min_reduced_px, threshold=threshold)
    clock.end_step("detect")

    if _needs_full_size(reduced, found, detector.geometry):
        source = decode_photo(data, max_pixels=max_pixels)
        clock.end_step("decode")
        crops = crop_faces(source, enlarge_detections(found, reduced), detector.geometry)
    else:
        crops = crop_faces(reduced.picture, found, detector.geometry)
    clock.end_step("crop")

    probabilities = classifier.classify(crops)
    clock.end_step("classify")

    faces = (
        AnalyzedFace(detection.box, detection.score, tuple(row), crop.tobytes())
        for detection, row, crop in zip(enlarge_detections(found, reduced), probabilities.tolist(), crops, strict=True)
    )
    return Analysis(reduced.width, reduced.height, tuple(faces), clock.steps_ms)


class StepClock:
    """Adds up how long each step took, in milliseconds."""

    def __init__(self) -> None:
        self.steps_ms: dict[str, float] = {}
        self._last = time.perf_counter()

    def end_step(self, name: str) -> None:
        """Count the time since the last call under this name."""
        now = time.perf_counter()
        self.steps_ms[name] = round(self.steps_ms.get(name, 0.0) + 1000 * (now - self._last), 3)
        self._last = now


def enlarge_detections(detections: Sequence[Detection], reduced: ReducedPicture) -> list[Detection]:
    """The same detections in pixels of the photo at full size."""
    if reduced.factor == 1:
        return list(detections)
    enlarged = []
    for detection in detections:
        extent = Extent(*(edge * reduced.factor for edge in detection.extent))
        eyes = detection.eyes and Eyes(*((x * reduced.factor, y * reduced.factor) for x, y in detection.eyes))
        # The last pixel of a reduced picture may stand for less than a whole one, so an extent may round to nothing.
        box = clip_to_box(extent, reduced.width, reduced.height) or Box(reduced.width - 1, reduced.height - 1, 1, 1)
        enlarged.append(replace(detection, box=box, extent=extent, eyes=eyes))
    return enlarged


def _needs_full_size(reduced: ReducedPicture, detections: Sequence[Detection], geometry: CropGeometry) -> bool:
    if reduced.factor == 1:
        return False
    share = 1 + 2 * geometry.margin
    return any(share * _longer_side(detection.extent) < MIN_CROP_SOURCE_PX for detection in detections)


def _longer_side(extent: Extent) -> float:
    return max(extent.right - extent.left, extent.bottom - extent.top)
