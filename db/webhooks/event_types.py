"""Every type of webhook event. A new one needs an entry here and a call of `record_event` where it happens."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from db.core.vocabulary import Emotion, JobStatus

_JOB = "0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d"


class EventData(BaseModel):
    """The `data` of an event's body."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def to_json(self) -> dict[str, JsonValue]:
        """Return it as JSON values."""
        return self.model_dump(mode="json")


class EventFace(EventData):
    """A face of a job, for endpoints that request faces. The job itself has more fields."""

    id: UUID = Field(examples=[_JOB])
    x: int = Field(description="Left edge, in pixels of the upright photo.", examples=[182])
    y: int = Field(description="Top edge.", examples=[64])
    width: int = Field(examples=[96])
    height: int = Field(examples=[96])
    emotion: Emotion = Field(
        description="What the face appears to express: the most likely emotion.", examples=["happy"]
    )
    confidence: float = Field(description="That emotion's probability, 0 to 1.", examples=[0.91])


class JobEventData(EventData):
    """A job that has ended."""

    id: UUID = Field(examples=[_JOB])
    status: JobStatus = Field(examples=["succeeded"])
    batch_id: UUID | None = Field(default=None, description="The job's batch.")
    face_count: int | None = Field(default=None, description="Null without a result.", examples=[2])
    error_code: str | None = Field(default=None, description="Why there is no result.", examples=["broken_picture"])
    faces: list[EventFace] | None = Field(
        default=None,
        description="Only for endpoints with `include_faces`, and until the job is erased.",
        examples=[None],
    )


class BatchEventData(EventData):
    """A batch whose jobs have all ended."""

    id: UUID = Field(examples=[_JOB])
    succeeded: int = Field(description="Jobs that succeeded.", examples=[97])
    failed: int = Field(examples=[2])
    canceled: int = Field(examples=[0])
    refused: int = Field(description="Photos that were refused.", examples=[1])


class ExportEventData(EventData):
    """An export that has ended."""

    id: UUID = Field(examples=[_JOB])
    status: str = Field(description="`succeeded`, `failed` or `canceled`.", examples=["succeeded"])
    row_count: int | None = Field(default=None, description="Rows in the file.", examples=[1_000_000])
    error_code: str | None = Field(default=None, description="Why there is no file.")


class TrainingRunEventData(EventData):
    """A training run that has ended."""

    id: UUID = Field(examples=[_JOB])
    status: str = Field(description="`promoted`, `rejected`, `failed` or `canceled`.", examples=["rejected"])
    challenger: int | None = Field(default=None, description="Number of the resulting version.", examples=[4])
    reason: str | None = Field(default=None, description="Why it ended with this status.")
    error_code: str | None = Field(default=None, description="Why there is no version.")


class PromotionEventData(EventData):
    """A model version that was put in service."""

    number: int = Field(description="Number of the version in service now.", examples=[4])
    previous: int | None = Field(default=None, description="Number of the previous version.", examples=[3])
    reason: str = Field(examples=["better on every set"])


class TestEventData(EventData):
    """A test event."""

    __test__ = False  # tells pytest that this isn't a test class

    endpoint_id: UUID = Field(examples=[_JOB])
    message: str = Field(examples=["a test event, sent by hand"])


@dataclass(frozen=True)
class EventType:
    """One type of event. meaning: when it is sent. is_subscribable: False if it is only sent by hand."""

    name: str
    meaning: str
    data: type[EventData]
    is_subscribable: bool = True


JOB_SUCCEEDED = EventType("job.succeeded", "A job has ended with a result.", JobEventData)
JOB_FAILED = EventType("job.failed", "A job has ended without a result; `error_code` says why.", JobEventData)
JOB_CANCELED = EventType("job.canceled", "A job was canceled, or its deadline has passed.", JobEventData)
BATCH_FINISHED = EventType("batch.finished", "The last job of a batch has ended.", BatchEventData)
EXPORT_FINISHED = EventType("export.finished", "An export has ended.", ExportEventData)
TRAINING_RUN_FINISHED = EventType("training_run.finished", "A training run has ended.", TrainingRunEventData)
MODEL_VERSION_PROMOTED = EventType(
    "model_version.promoted", "Another model version was put in service.", PromotionEventData
)
TEST = EventType("webhook.test", "Somebody tests the endpoint.", TestEventData, is_subscribable=False)

EVENT_TYPES: dict[str, EventType] = {
    kind.name: kind
    for kind in (
        JOB_SUCCEEDED,
        JOB_FAILED,
        JOB_CANCELED,
        BATCH_FINISHED,
        EXPORT_FINISHED,
        TRAINING_RUN_FINISHED,
        MODEL_VERSION_PROMOTED,
        TEST,
    )
}
JOB_EVENTS = {
    JobStatus.SUCCEEDED: JOB_SUCCEEDED,
    JobStatus.FAILED: JOB_FAILED,
    JobStatus.CANCELED: JOB_CANCELED,
}
SUBSCRIBABLE = tuple(name for name, kind in EVENT_TYPES.items() if kind.is_subscribable)
"""Event types that endpoints can subscribe to."""


@dataclass(frozen=True)
class EventBody:
    """The body of a call, in the Standard Webhooks format. kind: a name in EVENT_TYPES. moment: when it happened.

    data: an EventData as stored, in the form of the release that stored it.
    """

    kind: str
    moment: datetime
    data: Mapping[str, JsonValue]

    def to_text(self) -> str:
        """Return it as JSON."""
        return json.dumps({"type": self.kind, "timestamp": self.moment.isoformat(), "data": dict(self.data)})
