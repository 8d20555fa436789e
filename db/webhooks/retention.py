"""Deletes expired events with their deliveries."""

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from db.core.keys import first_key
from db.core.types import utcnow
from db.webhooks.tables import WebhookDelivery, WebhookEndpoint, WebhookEvent


def forget_events(session: Session, age_s: float, limit: int) -> int:
    """Delete at most `limit` events older than `age_s` seconds, with their deliveries. Returns how many events.

    Endpoints of single jobs are deleted with their last delivery.
    """
    old = session.scalars(
        select(WebhookEvent.id)
        .where(WebhookEvent.id < first_key(utcnow(), -age_s))
        .order_by(WebhookEvent.id)
        .limit(limit)
    ).all()
    if not old:
        return 0
    of_jobs = session.scalars(
        select(WebhookDelivery.endpoint_id)
        .join(WebhookEndpoint, WebhookEndpoint.id == WebhookDelivery.endpoint_id)
        .where(WebhookDelivery.event_id.in_(old), WebhookEndpoint.job_id.is_not(None))
    ).all()
    session.execute(delete(WebhookEvent).where(WebhookEvent.id.in_(old)))
    has_deliveries = exists().where(WebhookDelivery.endpoint_id == WebhookEndpoint.id)
    session.execute(delete(WebhookEndpoint).where(WebhookEndpoint.id.in_(of_jobs), ~has_deliveries))
    return len(old)
