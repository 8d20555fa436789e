"""Webhook endpoints: create, change, pause, rotate, test, delete. Each is one use case with its audit entry."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.accounts.audit_log import record_audit_event
from db.accounts.signing_secrets import make_secret
from db.accounts.tables import Application
from db.core.actors import Actor
from db.core.outgoing import RefusedUrl, read_destination
from db.core.types import utcnow
from db.core.vocabulary import EndpointState
from db.webhooks.errors import EndpointNotActive, RefusedEndpointUrl, TooManyEndpoints, UnknownEndpoint
from db.webhooks.event_types import TEST, TestEventData
from db.webhooks.recording import send_event
from db.webhooks.tables import WebhookDelivery, WebhookEndpoint

MOST_ENDPOINTS = 20
"""Maximum per application: each ended job is sent to all of them."""
DEFAULT_OVERLAP_S = 24 * 3600.0


@dataclass(frozen=True)
class AddressRules:
    """Which URLs may be called. allows_private: whether hosts of this machine and its network are allowed. ports: allowed ports."""

    allows_private: bool
    ports: Sequence[range]

    def check(self, url: str) -> None:
        """Raises RefusedEndpointUrl."""
        try:
            read_destination(url, allows_private=self.allows_private, ports=self.ports)
        except RefusedUrl as error:
            raise RefusedEndpointUrl(f"the URL {error}") from error


def create_endpoint(
    session: Session,
    application: Application,
    url: str,
    events: Sequence[str],
    rules: AddressRules,
    actor: Actor,
    *,
    description: str = "",
    include_faces: bool = False,
) -> WebhookEndpoint:
    """Add an endpoint. Its `secret` is shown only to its creator.

    events: names of `event_types.SUBSCRIBABLE`. Raises RefusedEndpointUrl, TooManyEndpoints.
    """
    rules.check(url)
    is_own = (WebhookEndpoint.application_id == application.id, WebhookEndpoint.job_id.is_(None))
    # locks the application's row, so that concurrent requests can't exceed the limit
    session.execute(select(Application.id).where(Application.id == application.id).with_for_update(key_share=True))
    count = session.scalar(select(func.count()).select_from(WebhookEndpoint).where(*is_own)) or 0
    if count >= MOST_ENDPOINTS:
        raise TooManyEndpoints(f"{application.name} has {count} webhook endpoints, and may have {MOST_ENDPOINTS}")
    endpoint = WebhookEndpoint(
        application_id=application.id,
        url=url,
        events=list(dict.fromkeys(events)),
        description=description,
        include_faces=include_faces,
        secret=make_secret(),
    )
    session.add(endpoint)
    session.flush()
    _log(session, actor, "webhook.create", endpoint, application=application.name, events=endpoint.events)
    return endpoint


def get_endpoint(session: Session, endpoint_id: UUID, application_id: UUID | None) -> WebhookEndpoint:
    """Return an endpoint. application_id: only among that application's. Raises UnknownEndpoint."""
    endpoint = session.get(WebhookEndpoint, endpoint_id)
    if endpoint is None or application_id not in {None, endpoint.application_id} or endpoint.job_id is not None:
        raise UnknownEndpoint(f"there is no webhook endpoint {endpoint_id}")
    return endpoint


def list_endpoints(session: Session, application_id: UUID | None) -> Sequence[WebhookEndpoint]:
    """List endpoints, except those of single jobs, oldest first. application_id: None for all applications."""
    statement = select(WebhookEndpoint).where(WebhookEndpoint.job_id.is_(None)).order_by(WebhookEndpoint.id)
    if application_id is not None:
        statement = statement.where(WebhookEndpoint.application_id == application_id)
    return session.scalars(statement).all()


def count_endpoints(session: Session) -> dict[EndpointState, int]:
    """Count endpoints by state, except those of single jobs."""
    found = dict(
        session.execute(
            select(WebhookEndpoint.state, func.count())
            .where(WebhookEndpoint.job_id.is_(None))
            .group_by(WebhookEndpoint.state)
        ).all()
    )
    return {state: found.get(state, 0) for state in EndpointState}


def change_endpoint(
    session: Session,
    endpoint: WebhookEndpoint,
    rules: AddressRules,
    actor: Actor,
    *,
    url: str | None = None,
    events: Sequence[str] | None = None,
    description: str | None = None,
    include_faces: bool | None = None,
) -> None:
    """Change the given fields. Raises RefusedEndpointUrl."""
    if url is not None:
        rules.check(url)
        endpoint.url = url
    if events is not None:
        endpoint.events = list(dict.fromkeys(events))
    if description is not None:
        endpoint.description = description
    if include_faces is not None:
        endpoint.include_faces = include_faces
    _log(session, actor, "webhook.change", endpoint, events=endpoint.events, include_faces=endpoint.include_faces)


def pause_endpoint(session: Session, endpoint: WebhookEndpoint, actor: Actor) -> None:
    """Pause an endpoint until it is resumed. Its events are kept for their retention time."""
    if endpoint.state is not EndpointState.PAUSED:
        endpoint.state, endpoint.state_reason = EndpointState.PAUSED, None
        _log(session, actor, "webhook.pause", endpoint)


def resume_endpoint(session: Session, endpoint: WebhookEndpoint, actor: Actor) -> None:
    """Resume an endpoint. Pending events are sent first."""
    if endpoint.state is not EndpointState.ACTIVE:
        endpoint.state, endpoint.state_reason, endpoint.failing_since = EndpointState.ACTIVE, None, None
        _log(session, actor, "webhook.resume", endpoint)


def rotate_secret(
    session: Session, endpoint: WebhookEndpoint, actor: Actor, overlap_s: float = DEFAULT_OVERLAP_S
) -> str:
    """Replace an endpoint's secret. Returns the new one. The previous one also signs for `overlap_s` seconds."""
    endpoint.previous_secret = endpoint.secret
    endpoint.previous_secret_until = utcnow() + timedelta(seconds=overlap_s)
    endpoint.secret = make_secret()
    _log(session, actor, "webhook.rotate", endpoint, overlap_s=overlap_s)
    return endpoint.secret


def rotate_callback_secret(
    session: Session, application_id: UUID, actor: Actor, overlap_s: float = DEFAULT_OVERLAP_S
) -> str:
    """Replace the secret of an application's callbacks. Returns the new one, as `rotate_secret` does."""
    application = session.get_one(Application, application_id, with_for_update={"key_share": True})
    application.previous_callback_secret = application.callback_secret
    application.previous_callback_secret_until = utcnow() + timedelta(seconds=overlap_s)
    application.callback_secret = make_secret()
    record_audit_event(session, actor, "callback_secret.rotate", f"application:{application.name}", overlap_s=overlap_s)
    return application.callback_secret


def send_test(session: Session, endpoint: WebhookEndpoint, actor: Actor) -> WebhookDelivery:
    """Send a test event now. Raises EndpointNotActive."""
    if endpoint.state is not EndpointState.ACTIVE:
        raise EndpointNotActive("the webhook endpoint is paused; resume it before testing it")
    data = TestEventData(endpoint_id=endpoint.id, message=f"a test event, sent by {actor.name}")
    event = send_event(session, TEST, data, [endpoint])
    assert event is not None
    return session.scalars(select(WebhookDelivery).where(WebhookDelivery.event_id == event.id)).one()


def delete_endpoint(session: Session, endpoint: WebhookEndpoint, actor: Actor) -> None:
    """Delete an endpoint with its deliveries."""
    session.delete(endpoint)
    _log(session, actor, "webhook.delete", endpoint)


def _log(session: Session, actor: Actor, action: str, endpoint: WebhookEndpoint, **details: object) -> None:
    record_audit_event(session, actor, action, f"webhook:{endpoint.id}", url=endpoint.url, **details)
