"""Request and response schemas of webhook endpoints and deliveries."""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field

from api.core.field_types import Id, Time
from api.core.fields import JsonBody, Moment, RowId, TextFields
from api.jobs.options import Unset
from db import tables
from db.accounts.signing_secrets import LONGEST_OVERLAP_S
from db.core.outgoing import MAX_URL_CHARACTERS
from db.core.vocabulary import DeliveryState, EndpointState
from db.webhooks.endpoints import DEFAULT_OVERLAP_S
from db.webhooks.event_types import SUBSCRIBABLE

_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - an example


def _check_events(events: list[str]) -> list[str]:
    for name in events:
        if name not in SUBSCRIBABLE:
            raise ValueError(f"there is no event {name[:50]!r}; there are {', '.join(SUBSCRIBABLE)}")
    return events


Url = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_URL_CHARACTERS,
        description="An `http` or `https` URL of a public host.",
        examples=["https://example.com/emoscope"],
    ),
]
Events = Annotated[
    list[str],
    AfterValidator(_check_events),
    Field(
        min_length=1,
        max_length=50,
        description="Types of events to send.",
        examples=[["job.succeeded", "job.failed"]],
        json_schema_extra={"items": {"type": "string", "enum": list(SUBSCRIBABLE)}},
    ),
]
Description = Annotated[
    str, Field(max_length=200, description="A description for people.", examples=["the shop's back end"])
]
IncludeFaces = Annotated[bool, Field(description="Whether bodies carry the faces of a job.")]


class NewWebhook(JsonBody):
    """An endpoint to add."""

    url: Url
    events: Events
    description: Description = ""
    include_faces: IncludeFaces = False
    application: str | Unset = Field(
        default=None,
        max_length=100,
        description="The application. Any other than the caller's own needs the scope `admin`.",
        examples=["shop"],
    )


class WebhookChange(JsonBody):
    """Changes to an endpoint. Missing fields stay as they are."""

    url: Url | Unset = None
    events: Events | Unset = None
    description: Description | Unset = None
    include_faces: IncludeFaces | Unset = None


class Rotation(JsonBody):
    """How to replace a secret."""

    overlap_s: float = Field(
        default=DEFAULT_OVERLAP_S,
        ge=0,
        le=LONGEST_OVERLAP_S,
        description="Seconds for which the old one stays valid.",
    )


class ReplayFailed(JsonBody):
    """Which events to replay."""

    since: Moment = Field(
        description="Only events at this time or later.",
        examples=["2026-03-01T00:00:00Z"],
        json_schema_extra={"format": "date-time"},
    )


class Webhook(BaseModel):
    """An endpoint: a URL that is called when something happens."""

    id: Id
    application: str = Field(examples=["shop"])
    url: Url
    events: list[str] = Field(description="Types of events to send.", examples=[["job.succeeded"]])
    description: Description
    include_faces: IncludeFaces
    state: EndpointState = Field(
        description="`active`; `paused` by a user or application; or `failing`: paused by the service, after days of failures or "
        "a 410. While it isn't active its events are kept for their retention time."
    )
    state_reason: str | None = Field(description="Why the service paused it.")
    failing_since: Time | None = Field(description="The first failure after the last success.")
    previous_secret_until: Time | None = Field(description="Until when the previous secret signs too.")
    created_at: Time


class WebhookMade(BaseModel):
    """A new endpoint with its signing secret, which is shown only once."""

    webhook: Webhook
    secret: str = Field(examples=[_SECRET])


class SigningSecret(BaseModel):
    """A new secret, shown only once. The previous one also signs until the overlap ends."""

    secret: str = Field(examples=[_SECRET])


class WebhookList(BaseModel):
    """All endpoints, oldest first."""

    items: list[Webhook]


class WebhookDelivery(BaseModel):
    """One attempt to deliver an event to an endpoint."""

    id: Id
    webhook_id: UUID | None = Field(description="The endpoint; null for the `callback_url` of a job.")
    url: str = Field(examples=["https://example.com/emoscope"])
    event_id: UUID = Field(description="The `webhook-id` of the call, the same for every attempt.")
    event: str = Field(description="Type of the event.", examples=["job.succeeded"])
    job_id: UUID | None = Field(description="The job of the event.")
    state: DeliveryState = Field(examples=["succeeded"])
    attempt: int = Field(description="Number of the attempt, from 1.", examples=[1])
    is_replay: bool = Field(description="Whether it is a replay.")
    due_at: Time = Field(description="When the attempt is due, if it is `pending`; otherwise when it ended.")
    started_at: Time | None
    status_code: int | None = Field(description="Status of the response; null if there was none.", examples=[204])
    answer: str | None = Field(description="The first bytes of the response body.", examples=["ok"])
    error: str | None = Field(description="Why there was no response.", examples=["ReadTimeout: timed out"])
    duration_ms: float | None = Field(examples=[38.4])


class WebhookDeliveryPage(BaseModel):
    """A page of deliveries, newest first."""

    items: list[WebhookDelivery]
    next: str | None = Field(description="Address of the next page; null on the last one.")


class Replayed(BaseModel):
    """Number of events that are sent again."""

    count: int = Field(description="Number of events, at most 1,000. Repeat the call until it is 0.", examples=[12])


class DeliveryQuery(TextFields):
    """Which deliveries to list."""

    webhook: RowId | Unset = Field(default=None, description="Only deliveries to this endpoint.")
    job: RowId | Unset = Field(
        default=None, description="Only deliveries about this job, those to its `callback_url` included."
    )
    event: str | Unset = Field(
        default=None, max_length=50, description="Only events of this type.", examples=["job.failed"]
    )
    state: DeliveryState | Unset = Field(default=None, description="Only deliveries in this state.")
    created_from: Moment | Unset = Field(
        default=None, description="Only events at this time or later.", examples=["2026-03-01T00:00:00Z"]
    )
    created_before: Moment | Unset = Field(
        default=None, description="Only events before this time.", examples=["2026-04-01T00:00:00Z"]
    )
    limit: int = Field(default=50, ge=1, le=200, description="Maximum number of deliveries per page.")
    cursor: RowId | Unset = Field(default=None, description="Cursor of the page, taken from `next`.")


def webhook_to_schema(row: tables.WebhookEndpoint) -> Webhook:
    """Convert an endpoint to its API schema, without its secret."""
    return Webhook(
        id=row.id,
        application=row.application.name,
        url=row.url,
        events=row.events,
        description=row.description,
        include_faces=row.include_faces,
        state=row.state,
        state_reason=row.state_reason,
        failing_since=row.failing_since,
        previous_secret_until=row.previous_secret_until,
        created_at=row.created_at,
    )


def delivery_to_schema(row: tables.WebhookDelivery) -> WebhookDelivery:
    """Convert a delivery to its API schema."""
    return WebhookDelivery(
        id=row.id,
        webhook_id=None if row.endpoint.job_id else row.endpoint_id,
        url=row.endpoint.url,
        event_id=row.event_id,
        event=row.event.type,
        job_id=row.event.job_id,
        state=row.state,
        attempt=row.attempt,
        is_replay=row.is_replay,
        due_at=row.due_at,
        started_at=row.started_at,
        status_code=row.status_code,
        answer=row.answer,
        error=row.error,
        duration_ms=row.duration_ms,
    )
