"""Webhook endpoints and their deliveries, as the API returns them."""

from datetime import datetime
from typing import TypedDict
from uuid import UUID

from emoscope_client.result import Result
from emoscope_client.vocabulary import DeliveryState, EndpointState


class Webhook(Result):
    """A webhook endpoint.

    events: subscribed event types.
    include_faces: whether bodies include the faces of a job.
    state_reason: why the service paused it.
    previous_secret_until: until when the previous secret also signs.
    """

    id: UUID
    application: str
    url: str
    events: tuple[str, ...]
    description: str
    include_faces: bool
    state: EndpointState
    state_reason: str | None
    failing_since: datetime | None
    previous_secret_until: datetime | None
    created_at: datetime


class WebhookMade(Result):
    """A new endpoint, with its signing secret, which is shown only once."""

    webhook: Webhook
    secret: str


class SigningSecret(Result):
    """A new secret. The previous one also signs until the overlap ends."""

    secret: str


class WebhookList(Result):
    """All endpoints, oldest first."""

    items: tuple[Webhook, ...]


class WebhookDelivery(Result):
    """One attempt to deliver an event to an endpoint.

    webhook_id: None for the `callback_url` of a job.
    event_id: the `webhook-id` of the call.
    answer: the first bytes of the response body.
    error: why there was no response.
    """

    id: UUID
    webhook_id: UUID | None
    url: str
    event_id: UUID
    event: str
    job_id: UUID | None
    state: DeliveryState
    attempt: int
    is_replay: bool
    due_at: datetime
    started_at: datetime | None
    status_code: int | None
    answer: str | None
    error: str | None
    duration_ms: float | None


class WebhookDeliveryPage(Result):
    """A page of deliveries, newest first. next: URL of the next page."""

    items: tuple[WebhookDelivery, ...]
    next: str | None


class Replayed(Result):
    """Number of events that are sent again."""

    count: int


class DeliveryFilters(TypedDict, total=False):
    """Which deliveries to list. None or missing doesn't filter.

    webhook: id of an endpoint.
    job: id of a job.
    event: an event type.
    created_from, created_before: datetimes with a time zone.
    """

    webhook: UUID | str | None
    job: UUID | str | None
    event: str | None
    state: DeliveryState | None
    created_from: datetime | None
    created_before: datetime | None
