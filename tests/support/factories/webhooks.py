"""Webhook endpoints, and what is recorded for them."""

from uuid import UUID

from sqlalchemy import select

from db.accounts import api_keys
from db.core.session import Database
from db.jobs import lifecycle as jobs
from db.webhooks.endpoints import AddressRules, create_endpoint
from db.webhooks.event_types import SUBSCRIBABLE
from db.webhooks.tables import WebhookDelivery
from tests.support.factories.actors import ANA

RULES = AddressRules(allows_private=False, ports=[range(443, 444)])


def add_endpoint(database: Database, *events: str, application: str = "shop") -> UUID:
    with database.write() as session:
        owner = api_keys.ensure_application(session, application)
        return create_endpoint(session, owner, "https://example.com/", events or SUBSCRIBABLE, RULES, ANA).id


def cancel(database: Database, job_id: UUID) -> None:
    with database.write() as session:
        jobs.cancel_job(session, job_id, ANA)


def list_deliveries(database: Database) -> list[WebhookDelivery]:
    with database.read() as session:
        return list(session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id)))
