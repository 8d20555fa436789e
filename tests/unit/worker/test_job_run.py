"""How a job ends that can't be analysed, with a real child: its code, and what its owner may read of the reason."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from structlog.testing import capture_logs
from uuid_utils.compat import uuid7

from db import access, job_queries, jobs
from db.models import Job
from db.storage import make_photo_key
from db.vocabulary import Detector, JobStatus
from emoscope.provision import register_shipped_models
from emoscope.settings import Settings
from worker.child import Child
from worker.job_run import run_job
from worker.services import Services

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def services(settings: Settings, tmp_path: Path) -> Iterator[Services]:
    opened = Services(settings.model_copy(update={"yunet_weights": tmp_path / "secret-folder" / "yunet.onnx"}))
    yield opened
    opened.database.close()
    opened.redis.close()


@pytest.fixture
def child(services: Services) -> Child:
    """A child with the model that ships, which gives no sign of life."""
    register_shipped_models(services.database, services.blobs, lambda _step: None)
    child = Child(services)
    assert child.models.refresh()
    return child


def submit(services: Services, data: bytes, detector: Detector | None = None) -> UUID:
    """Store a photo and its job, which has one attempt."""
    job_id = uuid7()
    services.blobs.put(make_photo_key(job_id), data)
    with services.database.write() as session:
        new = jobs.NewJob(
            id=job_id, application_id=access.ensure_application(session, "shop").id, photo_key=make_photo_key(job_id),
            photo_sha256=hashlib.sha256(data).hexdigest(), photo_bytes=len(data), media_type="image/png", width=8, height=8,
            photo_retention_s=60, max_attempts=1, detector=detector,
        )  # fmt: skip
        jobs.create_job(session, new, "shop")
    return job_id


def read(services: Services, job_id: UUID) -> tuple[Job, str]:
    """The job, and all that its owner may read of why it ended."""
    with services.database.read() as session:
        job = job_queries.get_job(session, job_id)
        assert job is not None
        events = job_queries.list_events(session, job_id)
        return job, " ".join([job.error_detail or "", *(event.detail or "" for event in events)])


@pytest.mark.parametrize(
    ("data", "code"), [(b"a text", "not_a_picture"), (b"\xff\xd8\xff\xe0", "broken_picture")], ids=["text", "damaged"]
)
def test_a_photo_that_cannot_be_analysed_fails_with_the_code_of_the_api(
    services: Services, child: Child, data: bytes, code: str
) -> None:
    job_id = submit(services, data)
    run_job(child, job_id)
    job, told = read(services, job_id)
    assert (job.status, job.error_code) == (JobStatus.FAILED, code)
    assert told


@pytest.mark.parametrize("case", ["blob_store_unavailable", "detector_unavailable", "blob_missing", "blob_damaged"])
def test_what_names_our_files_is_logged_and_not_told(
    services: Services, child: Child, tmp_path: Path, case: str
) -> None:
    job_id = submit(services, b"a photo", Detector.YUNET)
    photos = tmp_path / "blobs" / "photos"
    if case == "blob_store_unavailable":
        photos.rename(tmp_path / "elsewhere")
        photos.write_text("not a folder")
    elif case == "blob_missing":
        (photos / str(job_id)).unlink()
    elif case == "blob_damaged":
        (photos / str(job_id)).write_bytes(b"another photo")
    with capture_logs() as lines:
        run_job(child, job_id)
    job, told = read(services, job_id)
    assert (job.status, job.error_code) == (JobStatus.FAILED, case)
    assert told.strip()
    for ours in (str(tmp_path), "secret-folder", "photos/"):
        assert ours not in told
    [reason] = [line["reason"] for line in lines if line["log_level"] == "warning"]
    assert reason not in told
    if case == "detector_unavailable":
        assert "secret-folder" in reason
