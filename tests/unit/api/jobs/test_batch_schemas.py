from uuid import uuid4

from apiflask import APIFlask
from flask.testing import FlaskClient

from api.jobs.batch_schemas import batch_to_schema
from db.core.types import utcnow
from db.core.vocabulary import JobStatus
from db.jobs.batches import BatchProgress
from db.jobs.tables import Batch, BatchRefusal, Job
from tests.support.forms import make_form


def test_photos_come_in_the_order_sent_with_their_states_counted(app: APIFlask) -> None:
    def make_job(position: int, status: JobStatus) -> Job:
        return Job(id=uuid4(), batch_position=position, status=status, filename=f"{position}.jpg")

    refused = BatchRefusal(position=1, filename=None, code="not_a_picture", detail="no")
    batch = Batch(id=uuid4(), created_at=utcnow(), closed_at=utcnow(), photo_count=3, refused_count=1)
    photos: list[Job | BatchRefusal] = [make_job(0, JobStatus.RUNNING), refused, make_job(2, JobStatus.SUCCEEDED)]
    running = BatchProgress(3, 0, 1, 1, 0, 0, 1, rate=None, left_s=None)
    done = BatchProgress(3, 0, 0, 1, 1, 0, 1, rate=1.0, left_s=0.0)
    with app.test_request_context():
        shown = batch_to_schema(batch, running, photos)
        ended = batch_to_schema(batch, done, photos)
    assert [(photo.position, photo.state) for photo in shown.photos] == [
        (0, "running"),
        (1, "refused"),
        (2, "succeeded"),
    ]
    assert (shown.counts.total, shown.counts.running, shown.counts.refused, shown.is_done) == (3, 1, 1, False)
    assert ended.is_done


def test_a_batch_of_refused_photos_is_done_at_once(client: FlaskClient) -> None:
    batch = client.post("/v1/batches", data=make_form(b"text")).get_json()
    assert client.get(batch["url"] + "?wait=20").get_json()["is_done"] is True
