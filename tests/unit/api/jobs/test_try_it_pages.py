"""A photo from the plain form."""

import io

from db.core.session import Database
from db.jobs.tables import Job
from tests.support.databases import only_sqlite
from tests.support.visitors import Visitor


@only_sqlite
def test_a_photo_of_the_form_becomes_a_job_of_the_pages(reviewer: Visitor, photo: bytes, database: Database) -> None:
    status, place = reviewer.post("/try", image=(io.BytesIO(photo), "team.jpg"), detector="")
    assert status in {302, 303}, place
    with database.read() as session:
        job = session.query(Job).one()
        assert (job.filename, job.detector) == ("team.jpg", None)
        assert place.startswith(f"/jobs/{job.id}")


@only_sqlite
def test_a_detector_that_nobody_has_is_not_offered(reviewer: Visitor) -> None:
    shown = reviewer.get("/try")
    assert "blazeface" in shown
    assert "yunet" not in shown


@only_sqlite
def test_viewers_submit_nothing(viewer: Visitor) -> None:
    assert viewer.client.get("/try").status_code == 403
