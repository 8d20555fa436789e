"""Faces as a worker finds them."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from db.core.vocabulary import CROP_SIDE, EMOTIONS, Detector, Emotion
from db.faces.actions import NewFace


def spread(emotion: Emotion, confidence: float) -> tuple[float, ...]:
    """Probabilities with this emotion first, and the rest all on its neighbour."""
    first = EMOTIONS.index(emotion)
    values = [0.0] * len(EMOTIONS)
    values[first], values[first - 1] = confidence, 1 - confidence
    return tuple(values)


def share_evenly(emotion: Emotion, confidence: float) -> tuple[float, ...]:
    """Probabilities with this emotion first, and the rest shared evenly by the others."""
    rest = (1 - confidence) / (len(EMOTIONS) - 1)
    return tuple(confidence if each is emotion else rest for each in EMOTIONS)


def make_new_face(model_version_id: UUID, probabilities: tuple[float, ...], **changed: Any) -> NewFace:
    """A face of 30 by 40 pixels with a black crop. changed: the fields of NewFace that matter to the test."""
    usual = NewFace(
        x=1,
        y=2,
        width=30,
        height=40,
        detector=Detector.HOG,
        detection_score=0.9,
        probabilities=probabilities,
        model_version_id=model_version_id,
        crop=bytes(CROP_SIDE**2),
    )
    return replace(usual, **changed)
