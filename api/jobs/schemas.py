"""API schemas of jobs and faces, and how they are made from rows."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from flask import url_for
from pydantic import BaseModel, Field, create_model

from db import tables
from db.core.vocabulary import (
    EMOTIONS,
    Detector,
    Emotion,
    FaceCondition,
    JobStatus,
    Landmark,
    Priority,
    UnusableReason,
)
from db.faces.measures import name_landmarks
from db.faces.usability import list_unusable_reasons
from db.jobs.actions import is_photo_kept

Time = Annotated[datetime, Field(examples=["2026-03-01T12:00:00.250000Z"])]
Path = Annotated[str, Field(examples=["/v1/jobs/0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d"])]
Id = Annotated[UUID, Field(examples=["0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d"])]


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


class Photo(BaseModel):
    """The photo of a job."""

    filename: str | None = Field(description="File name, as the client sent it.", examples=["team.jpg"])
    source_url: str | None = Field(
        description="The photo's URL, if it was submitted by URL. Until it is fetched, the other fields are null.",
        examples=[None],
    )
    media_type: str | None = Field(description="Media type, recognised by the content.", examples=["image/jpeg"])
    bytes: int | None = Field(examples=[184_233])
    sha256: str | None = Field(
        description="Hex SHA-256 of the bytes.", examples=["9f86d081884c7d659a2feaa0c55ad015" * 2]
    )
    width: int | None = Field(description="Pixels of the upright photo.", examples=[1280])
    height: int | None = Field(description="Pixels of the upright photo.", examples=[853])
    url: str | None = Field(
        description="Address of the photo; null once it is deleted.",
        examples=["/v1/jobs/0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d/image"],
    )
    available_until: Time | None = Field(
        description="When the photo will be deleted; null until the job has ended, and after the deletion."
    )


class JobError(BaseModel):
    """Why a job has no result."""

    code: str = Field(description="Stable, for programs.", examples=["broken_picture"])
    detail: str = Field(description="A sentence for people.", examples=["the picture ends in the middle"])


class Job(BaseModel):
    """One photo to analyse, and its result."""

    id: Id
    url: Path
    application: str = Field(description="The application that the job belongs to.", examples=["shop"])
    status: JobStatus = Field(
        description="`queued`, `running`, `succeeded`, `failed` or `canceled`.", examples=["succeeded"]
    )
    priority: Priority = Field(examples=["interactive"])
    created_at: Time
    started_at: Time | None = Field(description="When the last attempt started.")
    finished_at: Time | None
    deadline_at: Time | None = Field(description="The job is canceled if no worker has started it by this time.")
    attempt: int = Field(description="Number of attempts so far.", examples=[1])
    batch_id: UUID | None = Field(description="The batch of the job, if any.", examples=[None])
    detector: Detector | None = Field(description="The requested detector; null for the service's default.")
    min_face_px: int | None = Field(description="The requested minimum side of a face; null for the service's default.")
    photo: Photo
    faces: list[Face] = Field(
        description="Every face, largest first. Empty until the job has succeeded, and if there is no face."
    )
    face_count: int | None = Field(description="Number of faces; null until the job has succeeded.", examples=[1])
    annotated_url: str | None = Field(
        description="The photo with boxes and labels drawn; null without a result or photo.",
        examples=["/v1/jobs/0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d/annotated"],
    )
    timings_ms: dict[str, float] | None = Field(
        description="Duration of each step of the analysis, in milliseconds.",
        examples=[{"detect": 6.1, "classify": 1.9}],
    )
    error: JobError | None = Field(description="Why the job failed or was canceled.")


class JobPage(BaseModel):
    """Some jobs, newest first."""

    items: list[Job]
    next: str | None = Field(
        description="Address of the next page; null on the last one.",
        examples=["/v1/jobs?status=succeeded&cursor=0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d"],
    )


def make_etag(job: tables.Job) -> str:
    """Return an ETag that changes with everything that job_to_schema returns."""
    return f"{job.revision}-{'photo' if is_photo_kept(job) else 'gone'}"


def job_to_schema(job: tables.Job, uncertain_below: float) -> Job:
    """Convert a job to its API schema. uncertain_below: confidence below which a face is marked uncertain."""
    is_kept = is_photo_kept(job)
    is_drawable = is_kept and job.status is JobStatus.SUCCEEDED
    return Job(
        id=job.id,
        url=url_for("jobs.read_job", job_id=job.id),
        application=job.application.name,
        status=job.status,
        priority=job.priority,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        deadline_at=job.deadline_at,
        attempt=job.attempt,
        batch_id=job.batch_id,
        detector=job.detector,
        min_face_px=job.min_face_px,
        photo=_show_photo(job, is_kept=is_kept),
        faces=[face_to_schema(face, uncertain_below) for face in job.faces],
        face_count=job.face_count,
        annotated_url=url_for("pictures.read_annotated", job_id=job.id) if is_drawable else None,
        timings_ms=job.timings_ms,
        error=error_to_schema(job),
    )


def error_to_schema(job: tables.Job) -> JobError | None:
    """Return why a job has no result, or None."""
    return None if job.error_code is None else JobError(code=job.error_code, detail=job.error_detail or "")


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


def _show_photo(job: tables.Job, *, is_kept: bool) -> Photo:
    return Photo(
        filename=job.filename,
        source_url=job.source_url,
        media_type=job.media_type or None,
        bytes=job.photo_bytes or None,
        sha256=job.photo_sha256 or None,
        width=job.width or None,
        height=job.height or None,
        url=url_for("pictures.read_image", job_id=job.id) if is_kept else None,
        available_until=job.purge_photo_at if is_kept else None,
    )
