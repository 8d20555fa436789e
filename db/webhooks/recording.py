"""Events as they happen, in the transaction of what happened: stored once, with a delivery for each endpoint that wants them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.core.session import WAITING_DELIVERIES
from db.core.vocabulary import JobStatus
from db.jobs.tables import IS_ACTIVE_IN_BATCH, Batch, Job
from db.webhooks.event_types import BATCH_FINISHED, JOB_EVENTS, BatchEventData, EventData, EventType, JobEventData
from db.webhooks.tables import WebhookDelivery, WebhookEndpoint, WebhookEvent


def record_event(
    session: Session,
    kind: EventType,
    data: EventData,
    *,
    application_id: UUID | None,
    job_id: UUID | None = None,
    batch_id: UUID | None = None,
) -> WebhookEvent | None:
    """Store an event for the endpoints that want it. Returns None, and stores nothing, if none does.

    application_id: whose endpoints are told; None for something that concerns everybody. job_id, batch_id: what the event is about;
    it is erased with that. The calls are made after the commit.
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
    """Store an event for these endpoints, whatever they want. Returns None if there are none."""
    if not endpoints:
        return None
    event = WebhookEvent(type=kind.name, data=data.to_json(), job_id=job_id, batch_id=batch_id)
    session.add(event)
    session.flush()
    add_deliveries(session, [WebhookDelivery(event_id=event.id, endpoint_id=each.id) for each in endpoints])
    return event


def add_deliveries(session: Session, deliveries: Sequence[WebhookDelivery]) -> None:
    """Store deliveries, and have them made right after the commit."""
    session.add_all(deliveries)
    session.flush()
    session.info.setdefault(WAITING_DELIVERIES, []).extend(each.id for each in deliveries)


def record_job_end(session: Session, job: Job) -> None:
    """Tell the endpoints of a job that has ended, its own `callback_url` among them; and of its batch, if that ends with it."""
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
    if job.batch_id is not None and any(BATCH_FINISHED.name in each.events for each in endpoints):
        record_batch_end(session, job.batch_id)


def record_batch_end(session: Session, batch_id: UUID) -> None:
    """Tell of a batch if every job of it has ended. Call it in the transaction that ends one.

    The batch's row is locked first: of two jobs that end at the same moment, the later one sees that the other has ended. Both have
    the row's key locked by then, since they changed a row that refers to it; so the lock is one that allows that.
    """
    batch = session.scalar(select(Batch).where(Batch.id == batch_id).with_for_update(key_share=True))
    if batch is None:
        return
    is_active = select(Job.id).where(Job.batch_id == batch_id, IS_ACTIVE_IN_BATCH).limit(1)
    if session.scalar(is_active) is not None:
        return
    counts = dict(
        session.execute(select(Job.status, func.count()).where(Job.batch_id == batch_id).group_by(Job.status)).all()
    )
    data = BatchEventData(
        id=batch_id,
        succeeded=counts.get(JobStatus.SUCCEEDED, 0),
        failed=counts.get(JobStatus.FAILED, 0),
        canceled=counts.get(JobStatus.CANCELED, 0),
        refused=len(batch.refused),
    )
    record_event(session, BATCH_FINISHED, data, application_id=batch.application_id, batch_id=batch_id)


def _list_endpoints(session: Session, application_id: UUID | None) -> Sequence[WebhookEndpoint]:
    """An application's endpoints but those of single jobs, in whatever state; those of all applications for None."""
    statement = select(WebhookEndpoint).where(WebhookEndpoint.job_id.is_(None))
    if application_id is not None:
        statement = statement.where(WebhookEndpoint.application_id == application_id)
    return session.scalars(statement).all()
