"""Jobs in the database, without photos."""

from uuid import UUID, uuid4

from db.accounts import api_keys
from db.core.session import Database
from db.jobs import lifecycle as jobs
from db.jobs.lifecycle import Claim, NewJob

LEASE_S = 30


def add_job(database: Database, **options: object) -> UUID:
    with database.write() as session:
        application = api_keys.ensure_application(session, "test")
        values: dict[str, object] = {
            "id": uuid4(),
            "application_id": application.id,
            "photo_key": "photos/x",
            "photo_sha256": "0" * 64,
            "photo_bytes": 1,
            "media_type": "image/png",
            "width": 10,
            "height": 10,
            "photo_retention_s": 60,
            "max_attempts": 3,
        } | options
        return jobs.create_job(session, NewJob(**values), "test").id  # type: ignore[arg-type]


def claim(database: Database, job_id: UUID, worker: str = "w1", lease_s: float = LEASE_S) -> Claim:
    with database.write() as session:
        return jobs.claim_job(session, job_id, worker, lease_s)[1]
