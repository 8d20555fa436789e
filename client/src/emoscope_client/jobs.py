"""Jobs, their faces and their history, as the API describes them."""

from datetime import datetime
from uuid import UUID

from emoscope_client.result import Result
from emoscope_client.vocabulary import (
    EMOTIONS,
    FINAL_STATUSES,
    ActorKind,
    Detector,
    Emotion,
    FaceCondition,
    JobStatus,
    Landmark,
    Priority,
    UnusableReason,
)


class BoundingBox(Result):
    """Where a face is: pixels of the upright photo, origin top left."""

    x: int
    y: int
    width: int
    height: int


class Probabilities(Result):
    """How likely each emotion is to be what the face appears to express: seven numbers that sum to 1."""

    angry: float
    disgusted: float
    fearful: float
    happy: float
    neutral: float
    sad: float
    surprised: float

    def rank(self) -> list[tuple[Emotion, float]]:
        """List emotions with their probabilities, the most likely first."""
        found = [(emotion, float(getattr(self, emotion))) for emotion in EMOTIONS]
        return sorted(found, key=lambda each: each[1], reverse=True)


class FaceLandmark(Result):
    """A point of a face, in pixels of the upright photo. Left and right are those of the picture."""

    name: Landmark
    x: float
    y: float


class Pose(Result):
    """How a head is turned, in degrees. roll_deg: how far it leans to the right of the picture; yaw_deg: is turned there."""

    roll_deg: float | None
    yaw_deg: float | None


class FaceQuality(Result):
    """How good the pixels of a face are. brightness, inside_share: 0 to 1. size_px: shorter side of the bounding box."""

    size_px: int
    sharpness: float
    brightness: float
    inside_share: float


class Face(Result):
    """One face of a photo, and which emotion it appears to express. That is not what the person feels.

    confidence: the emotion's probability. margin: confidence less the second largest probability.
    uncertain: whether the answer is not to be relied on. vote_shares: the share of people who would give each answer.
    ambiguity: how divided they would be, from 0 to 1. conditions: what makes the face hard to classify; usually nothing.
    landmarks, pose, quality, usable, unusable_reasons: None for faces that were stored before these were measured.
    """

    id: UUID
    bounding_box: BoundingBox
    detector: Detector
    detection_score: float
    detection_threshold: float | None
    runtime: str | None
    emotion: Emotion
    confidence: float
    margin: float
    second_emotion: Emotion
    second_probability: float
    uncertain: bool
    probabilities: Probabilities
    vote_shares: Probabilities | None
    ambiguity: float | None
    conditions: tuple[FaceCondition, ...]
    landmarks: tuple[FaceLandmark, ...] | None
    pose: Pose | None
    quality: FaceQuality | None
    usable: bool | None
    unusable_reasons: tuple[UnusableReason, ...] | None
    model_version: int
    crop_url: str


class Photo(Result):
    """The photo of a job. width, height: pixels of the upright photo. url: None once the photo is deleted.

    source_url: where the service fetches it, if it was given by a URL; what is known of it is None until then.
    """

    filename: str | None
    source_url: str | None
    media_type: str | None
    bytes: int | None
    sha256: str | None
    width: int | None
    height: int | None
    url: str | None
    available_until: datetime | None


class JobError(Result):
    """Why a job has no result. code: stable, for programs."""

    code: str
    detail: str


class Job(Result):
    """One photo to analyse, and what became of it.

    faces: largest first. Empty until the job has succeeded, and when there is no face.
    error: why the job failed or was canceled.
    """

    id: UUID
    url: str
    application: str
    status: JobStatus
    priority: Priority
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    deadline_at: datetime | None
    attempt: int
    batch_id: UUID | None
    detector: Detector | None
    min_face_px: int | None
    photo: Photo
    faces: tuple[Face, ...]
    face_count: int | None
    annotated_url: str | None
    timings_ms: dict[str, float] | None
    error: JobError | None

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in FINAL_STATUSES


class JobPage(Result):
    """Some jobs, newest first. next: address of the next page; None on the last."""

    items: tuple[Job, ...]
    next: str | None


class JobEvent(Result):
    """One step of a job. from_status: None for the submission. actor: who made it."""

    at: datetime
    from_status: JobStatus | None
    to_status: JobStatus
    attempt: int
    actor: str
    actor_kind: ActorKind | None
    detail: str | None


class JobEventList(Result):
    """A job's events, oldest first."""

    items: tuple[JobEvent, ...]
