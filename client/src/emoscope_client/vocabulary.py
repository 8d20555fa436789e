"""The words that the API uses, as types. A newer service may send words that are not listed here; they are kept as they come."""

from typing import Final, Literal

Emotion = Literal["angry", "disgusted", "fearful", "happy", "neutral", "sad", "surprised"]
"""What a face appears to express."""

EMOTIONS: Final[tuple[Emotion, ...]] = ("angry", "disgusted", "fearful", "happy", "neutral", "sad", "surprised")
"""All emotions, in the order of the API's fields."""

JobStatus = Literal["queued", "running", "succeeded", "failed", "canceled"]
"""Where a job is. The last three are final."""

PhotoState = Literal["queued", "running", "succeeded", "failed", "canceled", "refused"]
"""Where a photo of a batch is: the status of its job, or `refused`."""

ExportRows = Literal["faces", "jobs"]
"""What a row of an export is."""

ExportFormat = Literal["csv", "jsonl"]
"""The form of an export."""

Priority = Literal["interactive", "bulk"]
"""Whether somebody waits for the job."""

ActorKind = Literal["user", "application", "worker", "system"]
"""Who took a step of a job."""

FaceCondition = Literal["small", "dark", "blurred", "covered"]
"""What makes a face hard to classify."""

UnusableReason = Literal["small", "dark", "bright", "blurred", "covered", "turned_away", "cut_off"]
"""What speaks against classifying a face."""

Landmark = Literal[
    "left_eye", "right_eye", "nose", "mouth", "left_ear", "right_ear", "left_mouth_corner", "right_mouth_corner"
]
"""A point of a face."""

Detector = Literal["blazeface", "hog", "cnn", "mtcnn", "yunet"]
"""What finds the faces."""

EndpointState = Literal["active", "paused", "failing"]
"""How a webhook endpoint is. `failing`: the service paused it, after days of failures."""

DeliveryState = Literal["pending", "succeeded", "failed"]
"""What became of one attempt to deliver an event."""

Scope = Literal["submit", "review", "admin"]
"""What an API key may do."""

Purpose = Literal[
    "research", "media", "accessibility", "art", "market_research", "medical", "safety", "workplace", "education"
]
"""What an application is used for. `workplace` and `education` are refused."""

FINAL_STATUSES: Final = frozenset({"succeeded", "failed", "canceled"})
"""A job of one of these statuses has ended."""
