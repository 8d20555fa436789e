"""Jobs, their faces and their events, as the API returns them."""

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
    """Bounding box of a face: pixels of the upright photo, origin top left."""

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
    """A landmark of a face, in pixels of the upright photo. Left and right are those of the picture."""

    name: Landmark
    x: float
    y: float


class Pose(Result):
    """Head pose in degrees. roll_deg: tilt to the right of the picture; yaw_deg: turn to the right."""

    roll_deg: float | None
    yaw_deg: float | None


class FaceQuality(Result):
    """Image quality of a face. brightness, inside_share: 0 to 1. size_px: shorter side of the bounding box."""

    size_px: int
    sharpness: float
    brightness: float
    inside_share: float


class Face(Result):
    """A face of a photo, and which emotion it appears to express. That is not what the person feels.

    confidence: the emotion's probability.
    margin: confidence minus the second largest probability.
    uncertain: whether the prediction is unreliable.
    vote_shares: estimated share of people who would choose each emotion.
    ambiguity: how divided they would be, from 0 to 1.
    conditions: what makes the face hard to classify; usually empty.
    landmarks, pose, quality, usable, unusable_reasons: None for faces stored before these were measured.
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

    source_url: URL of a photo submitted by URL; until it is fetched, the other fields are None.
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
    """One photo to analyse, and its result.

    faces: largest first. Empty until the job has succeeded, and if there is no face. error: why the job failed or was canceled.
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
        """Whether the job has ended."""
        return self.status in FINAL_STATUSES


class JobPage(Result):
    """A page of jobs, newest first. next: URL of the next page; None on the last."""

    items: tuple[Job, ...]
    next: str | None


class JobEvent(Result):
    """One transition of a job. from_status: None for the submission. actor: who caused it."""

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
