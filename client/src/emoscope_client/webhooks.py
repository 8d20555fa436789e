"""Webhook endpoints and their deliveries, as the API describes them."""

from datetime import datetime
from typing import TypedDict
from uuid import UUID

from emoscope_client.result import Result
from emoscope_client.vocabulary import DeliveryState, EndpointState


class Webhook(Result):
    """A URL that is called when something happens.

    events: types of events that it is told of. include_faces: whether bodies carry the faces of a job. state_reason: why the
    service paused it. previous_secret_until: until when the secret before the present one signs too.
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
    """A new endpoint, with the secret that signs its calls. The secret can't be read again."""

    webhook: Webhook
    secret: str


class SigningSecret(Result):
    """A new secret. The one before signs too while the overlap lasts."""

    secret: str


class WebhookList(Result):
    """All endpoints, oldest first."""

    items: tuple[Webhook, ...]


class WebhookDelivery(Result):
    """One attempt to tell an endpoint of an event.

    webhook_id: None for the `callback_url` of a job. event_id: the `webhook-id` of the call. answer: the first bytes of its
    body. error: why there was no answer.
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
    """Some deliveries, newest first. next: where the next page is."""

    items: tuple[WebhookDelivery, ...]
    next: str | None


class Replayed(Result):
    """How many events are sent again."""

    count: int


class DeliveryFilters(TypedDict, total=False):
    """Which deliveries to list. None, or left out, does not filter.

    webhook: id of an endpoint. job: id of a job. event: a type of event. created_from, created_before: moments with a time zone.
    """

    webhook: UUID | str | None
    job: UUID | str | None
    event: str | None
    state: DeliveryState | None
    created_from: datetime | None
    created_before: datetime | None
