"""Records events in the transaction of what happened: once, with a delivery for each subscribed endpoint."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from db.core.rows import get_table, make_object
from db.core.session import WAITING_DELIVERIES
from db.jobs.tables import Job
from db.webhooks.event_types import JOB_EVENTS, EventData, EventType, JobEventData
from db.webhooks.tables import WebhookDelivery, WebhookEndpoint, WebhookEvent

_ENDPOINTS = get_table(WebhookEndpoint).c
_LIST_ALL = select(_ENDPOINTS.id, _ENDPOINTS.events).where(_ENDPOINTS.job_id.is_(None))
_LIST_ENDPOINTS = {
    True: _LIST_ALL,
    False: _LIST_ALL.where(
        _ENDPOINTS.application_id == bindparam("application_id", type_=_ENDPOINTS.application_id.type)
    ),
}
"""Statements that list the endpoints of all applications, and of one."""


def record_event(
    session: Session,
    kind: EventType,
    data: EventData,
    *,
    application_id: UUID | None,
    job_id: UUID | None = None,
    batch_id: UUID | None = None,
) -> WebhookEvent | None:
    """Store an event for its subscribed endpoints. Returns None, and stores nothing, if there are none.

    application_id: whose endpoints are notified; None for events that concern everybody. job_id, batch_id: the subject; the event
    is erased with it. The calls are made after the commit.
    """
    wanted = [each for each in _list_endpoints(session, application_id) if kind.name in each.events]
    return send_event(session, kind, data, wanted, job_id=job_id, batch_id=batch_id)


def send_event(
    session: Session,
    kind: EventType,
    data: EventData,
    endpoints: Sequence[WebhookEndpoint],
    *,
    job_id: UUID | None = None,
    batch_id: UUID | None = None,
) -> WebhookEvent | None:
    """Store an event for these endpoints, whatever they subscribe to. Returns None if there are none."""
    if not endpoints:
        return None
    event = WebhookEvent(type=kind.name, data=data.to_json(), job_id=job_id, batch_id=batch_id)
    session.add(event)
    session.flush()
    add_deliveries(session, [WebhookDelivery(event_id=event.id, endpoint_id=each.id) for each in endpoints])
    return event


def add_deliveries(session: Session, deliveries: Sequence[WebhookDelivery]) -> None:
    """Store deliveries, and send their messages right after the commit."""
    session.add_all(deliveries)
    session.flush()
    session.info.setdefault(WAITING_DELIVERIES, []).extend(each.id for each in deliveries)


def record_job_end(session: Session, job: Job) -> None:
    """Record the end of a job for its endpoints, including its own `callback_url`."""
    endpoints = _list_endpoints(session, job.application_id)
    kind = JOB_EVENTS[job.status]
    wanted = [each for each in endpoints if kind.name in each.events]
    if job.callback_url is not None:
        own = WebhookEndpoint(
            application_id=job.application_id,
            job_id=job.id,
            url=job.callback_url,
            events=[each.name for each in JOB_EVENTS.values()],
        )
        session.add(own)
        session.flush()
        wanted.append(own)
    data = JobEventData(
        id=job.id,
        status=job.status,
        batch_id=job.batch_id,
        face_count=job.face_count,
        error_code=job.error_code,
    )
    send_event(session, kind, data, wanted, job_id=job.id)


def _list_endpoints(session: Session, application_id: UUID | None) -> Sequence[WebhookEndpoint]:
    """List an application's endpoints in any state, except those of single jobs; None lists those of all applications.

    Reads ids and events only, because it runs at the end of each job.
    """
    session.flush()  # as an ORM query does
    rows = session.execute(_LIST_ENDPOINTS[application_id is None], {"application_id": application_id})
    return [make_object(WebhookEndpoint, {"id": row.id, "events": row.events}) for row in rows]
