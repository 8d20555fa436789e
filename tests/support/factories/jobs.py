"""Jobs in the database."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from db.accounts import api_keys
from db.core.actors import Actor
from db.core.blobs import make_photo_key
from db.core.session import Database
from db.jobs import lifecycle as jobs
from db.jobs.lifecycle import Claim, NewJob
from db.jobs.tables import Job
from tests.support.factories.actors import TEST

LEASE_S = 30
UNFETCHED: dict[str, Any] = {
    "photo_key": None,
    "photo_sha256": "",
    "photo_bytes": 0,
    "media_type": "",
    "width": 0,
    "height": 0,
}
"""Fields of a job whose photo is still to be fetched."""


def make_new_job(application_id: UUID, **changed: Any) -> NewJob:
    """A job of a small photo that nobody stored. changed: the fields of NewJob that matter to the test."""
    job_id = changed.get("id") or uuid7()
    usual = NewJob(
        id=job_id,
        application_id=application_id,
        photo_key=make_photo_key(job_id),
        photo_sha256="0" * 64,
        photo_bytes=1,
        media_type="image/png",
        width=10,
        height=10,
        photo_retention_s=60,
        max_attempts=3,
    )
    return replace(usual, **changed)


def create_job(session: Session, application: str = "test", *, actor: Actor = TEST, **changed: Any) -> Job:
    """Store a queued job of an application, which is made if it is new."""
    new = make_new_job(api_keys.ensure_application(session, application).id, **changed)
    return jobs.create_job(session, new, actor)


def add_job(database: Database, application: str = "test", **changed: Any) -> UUID:
    """Store a queued job in a transaction of its own. Returns its id."""
    with database.write() as session:
        return create_job(session, application, **changed).id


def claim(database: Database, job_id: UUID, worker: str = "w1", lease_s: float = LEASE_S) -> Claim:
    """Claim a job as a worker does."""
    with database.write() as session:
        return jobs.claim_job(session, job_id, worker, lease_s)[1]
