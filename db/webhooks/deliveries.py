"""Deliveries: claimed by a worker with a lease, recorded with the receiver's response, retried, replayed, listed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import CursorResult, func, select, update
from sqlalchemy.orm import Session

from db.accounts.audit_log import record_audit_event
from db.accounts.signing_secrets import list_valid
from db.core.actors import Actor
from db.core.keys import first_key
from db.core.types import utcnow
from db.core.vocabulary import DeliveryState, EndpointState
from db.faces.tables import Face
from db.jobs.queries import UNKNOWN_ORIGIN, Origin, find_origin
from db.webhooks.errors import EndpointNotActive, UnknownDelivery
from db.webhooks.event_types import EventBody, EventFace
from db.webhooks.recording import add_deliveries
from db.webhooks.tables import WebhookDelivery, WebhookEndpoint, WebhookEvent

_FIRST_PAUSE_S = 5
_LONGEST_PAUSE_S = 6 * 3600
MOST_REPLAYED = 1000
"""Maximum number of deliveries that one call replays."""
_DELIVERER = Actor.system("webhooks")


@dataclass(frozen=True)
class Claimed:
    """A claimed delivery: its URL, its body, and the secrets that sign it."""

    id: UUID
    event_id: UUID
    attempt: int
    url: str
    body: EventBody
    secrets: list[str]
    job_id: UUID | None = None
    origin: Origin = UNKNOWN_ORIGIN
    """Request id of the event's job."""


@dataclass(frozen=True, kw_only=True)
class AttemptResult:
    """Result of an attempt.

    status_code: of the response, None if there was none; then error says why.
    answer: first bytes of the response body, as text.
    is_final: whether retries are pointless.
    is_gone: whether the receiver says that it no longer exists.
    retry_after_s: from the receiver.
    """

    duration_ms: float
    status_code: int | None = None
    answer: str | None = None
    error: str | None = None
    is_final: bool = False
    is_gone: bool = False
    retry_after_s: float | None = None

    @property
    def is_taken(self) -> bool:
        """Whether the receiver accepted the event."""
        return self.status_code is not None and 200 <= self.status_code < 300


@dataclass(frozen=True, kw_only=True)
class DeliveryFilter:
    """Filter of deliveries; None doesn't restrict. Times: of the event, since (inclusive), before (exclusive)."""

    application_id: UUID | None = None
    endpoint_id: UUID | None = None
    job_id: UUID | None = None
    event: str | None = None
    state: DeliveryState | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None


def list_due(session: Session, limit: int) -> Sequence[UUID]:
    """List deliveries that are due, to active endpoints, longest overdue first."""
    return session.scalars(
        select(WebhookDelivery.id)
        .join(WebhookEndpoint, WebhookEndpoint.id == WebhookDelivery.endpoint_id)
        .where(*_is_due(utcnow()), WebhookEndpoint.state == EndpointState.ACTIVE)
        .order_by(WebhookDelivery.due_at)
        .limit(limit)
    ).all()


def find_url(session: Session, delivery_id: UUID) -> str | None:
    """Return the URL of a delivery, or None if it was deleted."""
    return session.scalar(
        select(WebhookEndpoint.url)
        .join(WebhookDelivery, WebhookDelivery.endpoint_id == WebhookEndpoint.id)
        .where(WebhookDelivery.id == delivery_id)
    )


def claim_delivery(session: Session, delivery_id: UUID, lease_s: float) -> Claimed | None:
    """Claim a due delivery for `lease_s` seconds.

    Returns None if it isn't due, another worker claimed it, or its endpoint is paused.
    """
    now = utcnow()
    active = select(WebhookEndpoint.id).where(WebhookEndpoint.state == EndpointState.ACTIVE)
    statement = (
        update(WebhookDelivery)
        .where(WebhookDelivery.id == delivery_id, *_is_due(now), WebhookDelivery.endpoint_id.in_(active))
        .values(due_at=now + timedelta(seconds=lease_s), started_at=now)
    )
    if cast("CursorResult[Any]", session.execute(statement)).rowcount != 1:
        return None
    delivery = session.get_one(WebhookDelivery, delivery_id, populate_existing=True)
    endpoint, event = delivery.endpoint, delivery.event
    data: dict[str, JsonValue] = dict(event.data)
    if endpoint.include_faces and event.job_id is not None:
        data["faces"] = _describe_faces(session, event.job_id)
    return Claimed(
        delivery.id,
        event.id,
        delivery.attempt,
        endpoint.url,
        EventBody(event.type, event.created_at, data),
        _list_secrets(endpoint),
        event.job_id,
        find_origin(session, event.job_id) if event.job_id else UNKNOWN_ORIGIN,
    )


def record_attempt(
    session: Session, delivery_id: UUID, result: AttemptResult, *, max_attempts: int, pause_after_s: float
) -> None:
    """Store the result of an attempt, and schedule the next one if it failed.

    An endpoint that has failed for `pause_after_s` seconds without a success, or says that it is gone, is paused.
    """
    held = select(WebhookDelivery).where(WebhookDelivery.id == delivery_id).with_for_update(of=WebhookDelivery)
    delivery = session.scalar(held, execution_options={"populate_existing": True})
    if delivery is None or delivery.state is not DeliveryState.PENDING:
        return  # erased, or the lease expired and another worker claimed it
    now = utcnow()
    delivery.state = DeliveryState.SUCCEEDED if result.is_taken else DeliveryState.FAILED
    delivery.status_code, delivery.answer, delivery.error = result.status_code, result.answer, result.error
    delivery.duration_ms, delivery.due_at = result.duration_ms, now
    endpoint = delivery.endpoint
    if result.is_taken:
        if endpoint.failing_since is not None:
            endpoint.failing_since = None
        return
    if endpoint.failing_since is None:
        endpoint.failing_since = now
    if not result.is_final and not result.is_gone and delivery.attempt < max_attempts:
        pause_s = choose_pause_s(delivery.attempt, result.retry_after_s)
        session.add(
            WebhookDelivery(
                event_id=delivery.event_id,
                endpoint_id=delivery.endpoint_id,
                attempt=delivery.attempt + 1,
                is_replay=delivery.is_replay,
                due_at=now + timedelta(seconds=pause_s),
            )
        )
    failing_s = (now - endpoint.failing_since).total_seconds()
    if endpoint.job_id is None and endpoint.state is EndpointState.ACTIVE:
        if result.is_gone:
            _stop_calling(session, endpoint, "it answered 410, which means that it is gone")
        elif failing_s >= pause_after_s:
            _stop_calling(session, endpoint, f"it has failed since {endpoint.failing_since:%Y-%m-%d %H:%M} UTC")


def choose_pause_s(attempt: int, retry_after_s: float | None) -> float:
    """Return the pause before the next attempt: 5 s, 20 s, 80 s, ... six hours; at least what the receiver asked for, up to six
    hours.
    """
    return float(min(max(_FIRST_PAUSE_S * 4 ** (attempt - 1), retry_after_s or 0), _LONGEST_PAUSE_S))


def get_delivery(session: Session, delivery_id: UUID, application_id: UUID | None) -> WebhookDelivery:
    """Return a delivery. application_id: only among that application's. Raises UnknownDelivery."""
    delivery = session.get(WebhookDelivery, delivery_id)
    if delivery is None or application_id not in {None, delivery.endpoint.application_id}:
        raise UnknownDelivery(f"there is no delivery {delivery_id}")
    return delivery


def list_deliveries(
    session: Session, wanted: DeliveryFilter, *, limit: int, before: UUID | None = None
) -> Sequence[WebhookDelivery]:
    """List at most `limit` deliveries with events and endpoints, newest first. before: the last delivery of the previous page."""
    statement = (
        select(WebhookDelivery)
        .join(WebhookDelivery.event)
        .join(WebhookDelivery.endpoint)
        .order_by(WebhookDelivery.id.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(WebhookDelivery.id < before)
    if wanted.application_id is not None:
        statement = statement.where(WebhookEndpoint.application_id == wanted.application_id)
    if wanted.endpoint_id is not None:
        statement = statement.where(WebhookDelivery.endpoint_id == wanted.endpoint_id)
    if wanted.job_id is not None:
        # through the job's few events; SQLite would read all deliveries of the endpoint in order
        events = select(WebhookEvent.id).where(WebhookEvent.job_id == wanted.job_id)
        statement = statement.where(WebhookDelivery.event_id.in_(events))
        statement = statement.with_hint(WebhookDelivery, "INDEXED BY ix_webhook_deliveries_event_id_id", "sqlite")
    if wanted.event is not None:
        statement = statement.where(WebhookEvent.type == wanted.event)
    if wanted.state is not None:
        statement = statement.where(WebhookDelivery.state == wanted.state)
    if wanted.created_from is not None:
        statement = statement.where(WebhookEvent.created_at >= wanted.created_from)
    if wanted.created_before is not None:
        statement = statement.where(WebhookEvent.created_at < wanted.created_before)
    return session.scalars(statement).all()


def replay_delivery(session: Session, delivery: WebhookDelivery, actor: Actor) -> WebhookDelivery:
    """Send the delivery's event to its endpoint again, now, with attempts counted from 1. Raises EndpointNotActive."""
    _require_active(delivery.endpoint)
    again = WebhookDelivery(event_id=delivery.event_id, endpoint_id=delivery.endpoint_id, is_replay=True)
    add_deliveries(session, [again])
    record_audit_event(
        session, actor, "webhook.replay", f"webhook:{delivery.endpoint_id}", event=str(delivery.event_id)
    )
    return session.get_one(WebhookDelivery, again.id, populate_existing=True)


def replay_failed(session: Session, endpoint: WebhookEndpoint, since: datetime, actor: Actor) -> int:
    """Send again every event since `since` that the endpoint never accepted and that has no pending attempt.

    At most MOST_REPLAYED, oldest first.
    Returns how many.
    Raises EndpointNotActive.
    """
    _require_active(endpoint)
    open_or_taken = (
        select(WebhookDelivery.event_id)
        .where(WebhookDelivery.endpoint_id == endpoint.id, WebhookDelivery.state != DeliveryState.FAILED)
        .scalar_subquery()
    )
    failed = session.scalars(
        select(WebhookDelivery.event_id)
        .join(WebhookEvent, WebhookEvent.id == WebhookDelivery.event_id)
        .where(
            WebhookDelivery.endpoint_id == endpoint.id,
            WebhookDelivery.id >= first_key(since),
            WebhookEvent.created_at >= since,
            WebhookDelivery.state == DeliveryState.FAILED,
            WebhookDelivery.event_id.not_in(open_or_taken),
        )
        .group_by(WebhookDelivery.event_id)
        .order_by(WebhookDelivery.event_id)
        .limit(MOST_REPLAYED)
    ).all()
    add_deliveries(
        session,
        [WebhookDelivery(event_id=event_id, endpoint_id=endpoint.id, is_replay=True) for event_id in failed],
    )
    if failed:
        record_audit_event(
            session,
            actor,
            "webhook.replay_failed",
            f"webhook:{endpoint.id}",
            count=len(failed),
            since=since.isoformat(),
        )
    return len(failed)


def count_pending(session: Session) -> int:
    """Count pending deliveries of active endpoints."""
    return (
        session.scalar(
            select(func.count())
            .select_from(WebhookDelivery)
            .join(WebhookEndpoint, WebhookEndpoint.id == WebhookDelivery.endpoint_id)
            .where(WebhookDelivery.state == DeliveryState.PENDING, WebhookEndpoint.state == EndpointState.ACTIVE)
        )
        or 0
    )


def _is_due(now: datetime) -> tuple[Any, ...]:
    return (WebhookDelivery.state == DeliveryState.PENDING, WebhookDelivery.due_at <= now)


def _require_active(endpoint: WebhookEndpoint) -> None:
    if endpoint.state is not EndpointState.ACTIVE:
        raise EndpointNotActive("the webhook endpoint is paused; resume it first")


def _stop_calling(session: Session, endpoint: WebhookEndpoint, reason: str) -> None:
    endpoint.state, endpoint.state_reason = EndpointState.FAILING, reason
    record_audit_event(session, _DELIVERER, "webhook.stop", f"webhook:{endpoint.id}", url=endpoint.url, reason=reason)


def _list_secrets(endpoint: WebhookEndpoint) -> list[str]:
    if endpoint.secret is not None:
        return list_valid(endpoint.secret, endpoint.previous_secret, endpoint.previous_secret_until)
    owner = endpoint.application
    return list_valid(owner.callback_secret, owner.previous_callback_secret, owner.previous_callback_secret_until)


def _describe_faces(session: Session, job_id: UUID) -> list[JsonValue]:
    faces = session.scalars(select(Face).where(Face.job_id == job_id).order_by(Face.position))
    return [
        EventFace(
            id=face.id,
            x=face.x,
            y=face.y,
            width=face.width,
            height=face.height,
            emotion=face.emotion,
            confidence=face.confidence,
        ).to_json()
        for face in faces
    ]
