"""The API's values as types. A newer service may send values that aren't listed here; they are kept unchanged."""

from typing import Final, Literal

Emotion = Literal["angry", "disgusted", "fearful", "happy", "neutral", "sad", "surprised"]
"""What a face appears to express."""

EMOTIONS: Final[tuple[Emotion, ...]] = ("angry", "disgusted", "fearful", "happy", "neutral", "sad", "surprised")
"""All emotions, in the order of the API's fields."""

JobStatus = Literal["queued", "running", "succeeded", "failed", "canceled"]
"""State of a job. The last three are final."""

PhotoState = Literal["queued", "running", "succeeded", "failed", "canceled", "refused"]
"""State of a photo of a batch: the status of its job, or `refused`."""

ExportRows = Literal["faces", "jobs"]
"""What a row of an export represents."""

ExportFormat = Literal["csv", "jsonl"]
"""File format of an export."""

Priority = Literal["interactive", "bulk"]
"""Whether somebody waits for the job."""

ActorKind = Literal["user", "application", "worker", "system"]
"""Kind of an actor."""

FaceCondition = Literal["small", "dark", "blurred", "covered"]
"""What makes a face hard to classify."""

UnusableReason = Literal["small", "dark", "bright", "blurred", "covered", "turned_away", "cut_off"]
"""Why a face is unsuitable for classification."""

Landmark = Literal[
    "left_eye", "right_eye", "nose", "mouth", "left_ear", "right_ear", "left_mouth_corner", "right_mouth_corner"
]
"""A landmark of a face."""

Detector = Literal["blazeface", "hog", "cnn", "mtcnn", "yunet"]
"""The face detectors."""

EndpointState = Literal["active", "paused", "failing"]
"""State of a webhook endpoint. `failing`: paused by the service after days of failures."""

DeliveryState = Literal["pending", "succeeded", "failed"]
"""State of one attempt to deliver an event."""

Scope = Literal["submit", "review", "admin"]
"""What an API key may do."""

Purpose = Literal[
    "research", "media", "accessibility", "art", "market_research", "medical", "safety", "workplace", "education"
]
"""What an application is used for. `workplace` and `education` are refused."""

FINAL_STATUSES: Final = frozenset({"succeeded", "failed", "canceled"})
"""Final states of a job."""
