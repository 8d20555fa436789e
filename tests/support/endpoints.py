# mypy: ignore-errors
"""Webhook endpoints, and what is recorded for them."""

from uuid import UUID, uuid4

from sqlalchemy import select

from db.accounts import api_keys
from db.core.actors import Actor
from db.core.session import Database
from db.jobs import lifecycle as jobs
from db.jobs.lifecycle import NewJob
from db.webhooks.endpoints import AddressRules, create_endpoint
from db.webhooks.event_types import SUBSCRIBABLE
from db.webhooks.tables import WebhookDelivery

ANA = Actor.user("ana")


RULES = AddressRules(allows_private=False, ports=[range(443, 444)])


def add_endpoint(database: Database, *events: str, application: str = "shop") -> UUID:
    with database.write() as session:
        owner = api_keys.ensure_application(session, application)
        return create_endpoint(session, owner, "https://example.com/", events or SUBSCRIBABLE, RULES, ANA).id


def add_job(database: Database, application: str = "shop", **more: object) -> UUID:
    with database.write() as session:
        new = NewJob(
            id=uuid4(), application_id=api_keys.ensure_application(session, application).id, photo_key="photos/x",
            photo_sha256="0" * 64, photo_bytes=1, media_type="image/png", width=1, height=1, photo_retention_s=1,
            max_attempts=1, **more,
        )  # fmt: skip
        return jobs.create_job(session, new, ANA).id


def cancel(database: Database, job_id: UUID) -> None:
    with database.write() as session:
        jobs.cancel_job(session, job_id, ANA)


def list_deliveries(database: Database) -> list[WebhookDelivery]:
    with database.read() as session:
        return list(session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id)))
