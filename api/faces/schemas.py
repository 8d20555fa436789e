"""API schemas of faces, and how they are made from rows."""

from typing import Any

from flask import url_for
from pydantic import BaseModel, Field, create_model

from api.core.field_types import Id
from db import tables
from db.core.vocabulary import (
    EMOTIONS,
    Detector,
    Emotion,
    FaceCondition,
    Landmark,
    UnusableReason,
)
from db.faces.measures import name_landmarks
from db.faces.usability import list_unusable_reasons


class BoundingBox(BaseModel):
    """Bounding box of a face: integer pixels of the upright photo, origin top left."""

    x: int = Field(description="Left edge.", examples=[182])
    y: int = Field(description="Top edge.", examples=[64])
    width: int = Field(description="Width in pixels.", examples=[96])
    height: int = Field(description="Height in pixels.", examples=[96])


_ONE_OF_EACH: dict[str, Any] = {
    each.value: (float, Field(examples=[0.94 if each is Emotion.HAPPY else 0.01])) for each in EMOTIONS
}


class Probabilities(create_model("Probabilities", **_ONE_OF_EACH)):  # type: ignore[misc]  # so that the vocabulary alone lists them
    """How likely each emotion is to be what the face appears to express: seven numbers that sum to 1."""


class FaceLandmark(BaseModel):
    """A landmark of a face, in pixels of the upright photo. Left and right are those of the picture, for an upright face."""

    name: Landmark = Field(examples=["left_eye"])
    x: float = Field(examples=[205.3])
    y: float = Field(examples=[102.1])


class Pose(BaseModel):
    """Head pose, estimated from the landmarks."""

    roll_deg: float | None = Field(
        description="Tilt of the head towards the right of the picture, in degrees; null if the eyes are too close together to "
        "tell.",
        examples=[-3.2],
    )
    yaw_deg: float | None = Field(
        description="Turn of the head towards the right of the picture, in degrees. Approximate: computed for a head of average "
        "shape.",
        examples=[12.5],
    )


class FaceQuality(BaseModel):
    """Image quality of a face."""

    size_px: int = Field(description="Shorter side of the bounding box.", examples=[96])
    sharpness: float = Field(
        description="Sharpness: mean size of the crop's edges, independent of contrast. About 0.2 if out of focus, 1 if sharp.",
        examples=[0.61],
    )
    brightness: float = Field(description="Mean grey of the crop, 0 (black) to 1 (white).", examples=[0.52])
    inside_share: float = Field(description="Share of the face that lies in the photo, 0 to 1.", examples=[1.0])


class Face(BaseModel):
    """One face of a photo, and which emotion it appears to express. That is not what the person feels."""

    id: Id
    bounding_box: BoundingBox
    detector: Detector = Field(description="The detector that found the face.", examples=["blazeface"])
    detection_score: float = Field(description="How sure the detector is that this is a face, 0 to 1.", examples=[0.93])
    detection_threshold: float | None = Field(
        description="Minimum detection score on that worker. "
        "Null for faces stored by a version of the service without it, as is `runtime`.",
        examples=[0.6],
    )
    runtime: str | None = Field(
        description="What ran the network: `litert`, `litert-int8` (its form in 8 bits, whose probabilities differ a little) or "
        "`tensorflow`.",
        examples=["litert"],
    )
    emotion: Emotion = Field(
        description="What the face appears to express: the most likely emotion.", examples=["happy"]
    )
    confidence: float = Field(
        description="Probability of that emotion, 0 to 1, calibrated to how often the prediction agrees with the majority of "
        "people. It is lower if the crop is covered, blurred or noisy.",
        examples=[0.91],
    )
    margin: float = Field(description="Confidence minus the second largest probability.", examples=[0.86])
    second_emotion: Emotion = Field(description="The second most likely emotion.", examples=["surprised"])
    second_probability: float = Field(description="Its probability.", examples=[0.05])
    uncertain: bool = Field(
        description="Whether the prediction is unreliable: the confidence is below the service's threshold, or the face seems "
        "covered.",
        examples=[False],
    )
    probabilities: Probabilities
    vote_shares: Probabilities | None = Field(
        description="Estimated share of people who would choose each emotion. Less extreme than `probabilities`, which predict "
        "the choice of the majority. Null for faces classified before this was stored."
    )
    ambiguity: float | None = Field(
        description="How divided people would be: the entropy of `vote_shares`, from 0 (all agree) to 1 (all emotions equally "
        "often).",
        examples=[0.18],
    )
    conditions: list[FaceCondition] = Field(
        description="What makes the face hard to classify: `small`, `dark`, `blurred`, `covered`. Usually empty.",
        examples=[[]],
    )
    landmarks: list[FaceLandmark] | None = Field(
        description="Landmarks from the detector, the eyes first; empty if the detector gives none. Null for faces stored before "
        "landmarks existed, as are the next four fields."
    )
    pose: Pose | None
    quality: FaceQuality | None
    usable: bool | None = Field(description="Whether the face is good enough to classify.", examples=[True])
    unusable_reasons: list[UnusableReason] | None = Field(
        description="If not, why: `small`, `dark`, `bright`, `blurred`, `covered`, `turned_away`, `cut_off`.",
        examples=[[]],
    )
    model_version: int = Field(description="Number of the model version that classified the face.", examples=[1])
    crop_url: str = Field(
        description="The face exactly as the model saw it, as PNG.",
        examples=["/v1/faces/0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d/crop"],
    )


def face_to_schema(face: tables.Face, uncertain_below: float) -> Face:
    """Convert a face to its API schema."""
    second_emotion, second_probability = face.second
    reasons = list_unusable_reasons(face)
    return Face(
        id=face.id,
        bounding_box=BoundingBox(x=face.x, y=face.y, width=face.width, height=face.height),
        detector=face.detector,
        detection_score=face.detection_score,
        detection_threshold=None if face.detection_threshold is None else round(face.detection_threshold, 4),
        runtime=face.runtime,
        emotion=face.emotion,
        confidence=face.confidence,
        margin=face.margin,
        second_emotion=second_emotion,
        second_probability=second_probability,
        uncertain=face.is_uncertain(uncertain_below),
        probabilities=Probabilities(**_name_probabilities(face.probabilities)),
        vote_shares=Probabilities(**_name_probabilities(face.vote_shares)) if face.vote_shares else None,
        ambiguity=face.ambiguity,
        conditions=[FaceCondition(name) for name in face.conditions or ()],
        landmarks=_show_landmarks(face),
        pose=None if reasons is None else _show_pose(face),
        quality=_show_quality(face),
        usable=None if reasons is None else not reasons,
        unusable_reasons=reasons,
        model_version=face.model_version.number,
        crop_url=url_for("pictures.read_crop", face_id=face.id),
    )


def _show_landmarks(face: tables.Face) -> list[FaceLandmark] | None:
    if face.landmarks is None:
        return None
    return [FaceLandmark(name=name, x=x, y=y) for name, x, y in name_landmarks(face.detector, face.landmarks)]


def _show_pose(face: tables.Face) -> Pose:
    roll_deg, yaw_deg = (None if value is None else round(value, 1) for value in (face.roll_deg, face.yaw_deg))
    return Pose(roll_deg=roll_deg, yaw_deg=yaw_deg)


def _show_quality(face: tables.Face) -> FaceQuality | None:
    if face.sharpness is None or face.brightness is None or face.inside_share is None:
        return None
    return FaceQuality(
        size_px=min(face.width, face.height),
        sharpness=round(face.sharpness, 4),  # stored as float32
        brightness=round(face.brightness, 4),
        inside_share=round(face.inside_share, 4),
    )


def _name_probabilities(values: list[float]) -> dict[str, Any]:
    return {emotion.value: value for emotion, value in zip(EMOTIONS, values, strict=True)}
