"""Converts rows of `callbacks`, written by releases before 0.2, to endpoints, events and deliveries.

The sweeper does this, so that rows written by a worker of the previous release during an upgrade are found too.
"""

import re

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from db.core.types import utcnow
from db.core.vocabulary import TERMINAL_STATUSES, DeliveryState
from db.jobs.tables import Job
from db.webhooks.event_types import JOB_EVENTS, JobEventData
from db.webhooks.tables import Callback, WebhookDelivery, WebhookEndpoint, WebhookEvent


def adopt_callbacks(session: Session, limit: int) -> int:
    """Convert at most `limit` callbacks that no worker holds. Returns how many.

    The event keeps the callback's id, so that receivers recognize a call that they got before.
    """
    rows = session.execute(
        select(Callback, Job)
        .join(Job, Job.id == Callback.job_id)
        .where(or_(Callback.done_at.is_not(None), Callback.next_try_at <= utcnow()))
        .order_by(Callback.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=Callback)
    ).all()
    for callback, job in rows:
        if job.callback_url is None or job.status not in TERMINAL_STATUSES:
            continue
        kind = JOB_EVENTS[job.status]
        endpoint = WebhookEndpoint(
            application_id=job.application_id,
            job_id=job.id,
            url=job.callback_url,
            events=[each.name for each in JOB_EVENTS.values()],
        )
        data = JobEventData(
            id=job.id,
            status=job.status,
            batch_id=job.batch_id,
            face_count=job.face_count,
            error_code=job.error_code,
        )
        event = WebhookEvent(
            id=callback.id,
            type=kind.name,
            data=data.to_json(),
            job_id=job.id,
            created_at=job.finished_at or utcnow(),
        )
        session.add_all([endpoint, event])
        session.flush()
        session.add(_make_delivery(callback, endpoint, event))
    session.execute(delete(Callback).where(Callback.id.in_([callback.id for callback, _ in rows])))
    return len(rows)


def _make_delivery(callback: Callback, endpoint: WebhookEndpoint, event: WebhookEvent) -> WebhookDelivery:
    delivery = WebhookDelivery(event_id=event.id, endpoint_id=endpoint.id, attempt=max(1, callback.tries))
    if callback.done_at is None:
        delivery.attempt = callback.tries + 1
        return delivery
    found = re.fullmatch(r"HTTP ([0-9]{3})", callback.last_answer or "")
    delivery.status_code = int(found[1]) if found else None
    delivery.error = None if found else callback.last_answer
    is_taken = delivery.status_code is not None and 200 <= delivery.status_code < 300
    delivery.state = DeliveryState.SUCCEEDED if is_taken else DeliveryState.FAILED
    delivery.started_at = delivery.due_at = callback.done_at
    return delivery
