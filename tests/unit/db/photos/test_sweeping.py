"""Expired photos, and files without a job."""

from uuid import uuid4

import pytest
from sqlalchemy import update

from db.core.blobs import make_photo_key
from db.core.session import Database
from db.core.types import utcnow
from db.jobs.tables import Job
from db.photos.sweeping import find_unowned_photos, list_purgeable_photos, record_purged
from tests.support.factories.jobs import add_job

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_photos_whose_time_is_over_are_listed_until_they_are_purged(database: Database) -> None:
    over, running = (add_job(database, photo_key=f"photos/{name}") for name in ("over", "running"))
    with database.write() as session:
        assert list_purgeable_photos(session, 10) == []
        session.execute(update(Job).where(Job.id == over).values(purge_photo_at=utcnow()))
        assert list_purgeable_photos(session, 10) == [(over, "photos/over")]
        record_purged(session, [over])
        assert list_purgeable_photos(session, 10) == []
        assert session.get_one(Job, running).photo_key == "photos/running"
        assert session.get_one(Job, over, populate_existing=True).photo_key is None


def test_a_photo_without_a_job_is_found_and_a_strangers_file_left_alone(database: Database) -> None:
    job_id = uuid4()
    owned, lost = make_photo_key(job_id), make_photo_key(uuid4())
    add_job(database, id=job_id, photo_key=owned)
    with database.read() as session:
        assert find_unowned_photos(session, [owned, lost, f"{owned}-2", "photos/holiday.jpg", f"{lost}.old"]) == {
            lost,
            f"{owned}-2",
        }
