"""Analyses a photo: decode, detect, crop, classify."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from db.core.vocabulary import CROP_SIDE, EMOTIONS, Emotion, FaceCondition
from db.faces.measures import FaceMeasures
from db.photos.decoding_lock import DecodingLock
from db.photos.memory import MAX_DECODING_BYTES
from worker.analysis.classifier import Classifier
from worker.analysis.conditions import measure_crop, name_conditions
from worker.analysis.crops import crop_faces
from worker.analysis.decode import PhotoDecoder, ReducedPicture
from worker.analysis.detectors.base import Box, CropGeometry, Detection, Detector, Extent, clip_to_box
from worker.analysis.measures import measure_face

MIN_CROP_SOURCE_PX = 2 * CROP_SIDE
"""Minimum width of a face in a reduced picture to crop it from there, so that the crop still averages pixels."""


@dataclass(frozen=True, slots=True)
class AnalyzedFace:
    """A face.

    box: in pixels of the upright photo.
    detection_score: 0 to 1.
    probabilities: seven, in the order of EMOTIONS, summing to 1.
    vote_shares: estimated share of people who would choose each emotion.
    conditions: what makes the face hard to classify.
    measures: landmarks, pose and image quality.
    crop: the model's input: 2,304 bytes, 48 rows of 48 grey pixels.
    """

    box: Box
    detection_score: float
    probabilities: tuple[float, ...]
    vote_shares: tuple[float, ...]
    conditions: tuple[FaceCondition, ...]
    measures: FaceMeasures
    crop: bytes

    @property
    def emotion(self) -> Emotion:
        """The most likely emotion."""
        return EMOTIONS[self.probabilities.index(max(self.probabilities))]

    @property
    def confidence(self) -> float:
        """The most likely emotion's probability."""
        return max(self.probabilities)


@dataclass(frozen=True, slots=True)
class Analysis:
    """Result of one photo.

    width, height: of the upright photo, in pixels.
    faces: highest detection score first; may be empty.
    timings_ms: duration of each step: decode, detect, crop, classify, measure.
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
    max_decoding_bytes: int = MAX_DECODING_BYTES,
    lock: DecodingLock | None = None,
) -> Analysis:
    """Find and classify every face in a photo.

    data: the file's bytes, of any format that worker.analysis.decode reads.
    detector, classifier: loaded.
    max_pixels: maximum width times height.
    min_face_px: minimum side of a face in pixels of the full-size photo.
    threshold: minimum detection score, 0 to 1; None uses the detector's own.
    max_decoding_bytes: maximum memory for decoding.
    lock: by which large photos are decoded one at a time; None if nothing else is decoded on the machine.
    Raises db.photos.errors.PhotoError if the photo can't be decoded, DecodingBusy if another one is being decoded.
    """
    clock = StepClock()
    decoder = PhotoDecoder(data, max_pixels=max_pixels, max_bytes=max_decoding_bytes, lock=lock)
    reduced = decoder.decode_for_detection()
    clock.end_step("decode")

    min_reduced_px = max(1, round(min_face_px / reduced.factor))
    found = detector.detect(reduced.picture, min_face_px=min_reduced_px, threshold=threshold)
    clock.end_step("detect")

    source = reduced
    if reduced.factor > decoder.least_factor and _are_too_small(found, detector.geometry):
        source = decoder.decode(decoder.least_factor)
        clock.end_step("decode")
    crops = crop_faces(source.picture, scale_detections(found, reduced, source), detector.geometry)
    clock.end_step("crop")

    probabilities = classifier.classify(crops)
    clock.end_step("classify")

    shares = classifier.share_votes(probabilities)
    faces = tuple(
        _describe_face(detection, row, votes, crop, reduced)
        for detection, row, votes, crop in zip(
            enlarge_detections(found, reduced), probabilities.tolist(), shares.tolist(), crops, strict=True
        )
    )
    clock.end_step("measure")
    return Analysis(reduced.width, reduced.height, faces, clock.steps_ms)


def _describe_face(
    detection: Detection, row: list[float], votes: list[float], crop: npt.NDArray[np.uint8], photo: ReducedPicture
) -> AnalyzedFace:
    """Build an AnalyzedFace. detection: in pixels of the full-size photo."""
    measured = measure_crop(crop)
    return AnalyzedFace(
        detection.box,
        detection.score,
        tuple(row),
        tuple(votes),
        name_conditions(measured, min(detection.box.width, detection.box.height)),
        measure_face(detection, measured, photo.width, photo.height),
        crop.tobytes(),
    )


class StepClock:
    """Measures the duration of each step, in milliseconds."""

    def __init__(self) -> None:
        self.steps_ms: dict[str, float] = {}
        self._last = time.perf_counter()

    def end_step(self, name: str) -> None:
        """Add the time since the last call to this step."""
        now = time.perf_counter()
        self.steps_ms[name] = round(self.steps_ms.get(name, 0.0) + 1000 * (now - self._last), 3)
        self._last = now


def enlarge_detections(detections: Sequence[Detection], reduced: ReducedPicture) -> list[Detection]:
    """Convert detections to pixels of the full-size photo."""
    return _scale(detections, reduced.factor, reduced.width, reduced.height)


def scale_detections(
    detections: Sequence[Detection], found_in: ReducedPicture, wanted_in: ReducedPicture
) -> list[Detection]:
    """Convert detections to pixels of another, larger reduction of the photo."""
    height, width = wanted_in.picture.shape[:2]
    return _scale(detections, found_in.factor // wanted_in.factor, width, height)


def _scale(detections: Sequence[Detection], factor: int, width: int, height: int) -> list[Detection]:
    if factor == 1:
        return list(detections)
    enlarged = []
    for detection in detections:
        extent = Extent(*(edge * factor for edge in detection.extent))
        landmarks = tuple((x * factor, y * factor) for x, y in detection.landmarks)
        # The last pixel of a reduced picture may stand for less than a whole one, so an extent may round to nothing.
        box = clip_to_box(extent, width, height) or Box(width - 1, height - 1, 1, 1)
        enlarged.append(replace(detection, box=box, extent=extent, landmarks=landmarks))
    return enlarged


def _are_too_small(detections: Sequence[Detection], geometry: CropGeometry) -> bool:
    share = 1 + 2 * geometry.margin
    return any(share * _longer_side(detection.extent) < MIN_CROP_SOURCE_PX for detection in detections)


def _longer_side(extent: Extent) -> float:
    return max(extent.right - extent.left, extent.bottom - extent.top)
