"""How a job ends that can't be analysed, with a real child: its code, and what its owner may read of the reason."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from structlog.testing import capture_logs
from uuid_utils.compat import uuid7

from db.core import queues
from db.core.blobs import make_photo_key
from db.core.session import Database
from db.core.vocabulary import Detector, JobStatus, WorkerState
from db.jobs import queries as job_queries
from db.jobs.tables import Job
from db.monitoring.heartbeats import record_heartbeat
from db.photos.errors import PhotoError
from emoscope.settings import Settings
from emoscope.stack.provision import register_shipped_models
from tests.support.factories.jobs import add_job
from worker.analysis import job_runner
from worker.analysis.job_runner import run_job
from worker.analysis.process import WorkerProcess
from worker.core import messages
from worker.core.app import make_celery
from worker.core.services import Services

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def services(settings: Settings, tmp_path: Path) -> Iterator[Services]:
    weights = tmp_path / "secret-folder" / "yunet.onnx"
    opened = Services(settings.model_copy(update={"yunet_weights": weights, "worker_heartbeat_s": 0.01}))
    yield opened
    opened.database.close()
    opened.redis.close()


@pytest.fixture
def process(services: Services) -> WorkerProcess:
    """A child with the model that ships, ready, whose signs of life end here."""
    register_shipped_models(services.database, services.blobs, lambda _step: None)
    process = WorkerProcess(services)
    process.beat()
    assert process.is_ready
    return process


def submit(services: Services, data: bytes, detector: Detector | None = None) -> UUID:
    """Store a photo and its job, which has one attempt."""
    sha256 = hashlib.sha256(data).hexdigest()
    job_id = add_job(
        services.database, id=uuid7(), photo_sha256=sha256, photo_bytes=len(data), max_attempts=1, detector=detector
    )
    services.blobs.put(make_photo_key(job_id), data)
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
    services: Services, process: WorkerProcess, data: bytes, code: str
) -> None:
    job_id = submit(services, data)
    run_job(process, job_id)
    job, told = read(services, job_id)
    assert (job.status, job.error_code) == (JobStatus.FAILED, code)
    assert told


@pytest.mark.parametrize("case", ["blob_store_unavailable", "detector_unavailable", "blob_missing", "blob_damaged"])
def test_what_names_our_files_is_logged_and_not_told(
    services: Services, process: WorkerProcess, tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch
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
    rests: list[bool] = []
    monkeypatch.setattr(process, "rest", lambda: rests.append(True))
    with capture_logs() as lines:
        run_job(process, job_id)
    job, told = read(services, job_id)
    is_outage = case == "blob_store_unavailable"
    assert rests == [True] * is_outage  # the next job would only fail alike
    assert (job.status, job.error_code) == ((JobStatus.QUEUED, None) if is_outage else (JobStatus.FAILED, case))
    assert told.strip()
    for ours in (str(tmp_path), "secret-folder", "photos/"):
        assert ours not in told
    [reason] = [line["reason"] for line in lines if line["log_level"] == "warning"]
    assert reason not in told
    if case == "detector_unavailable":
        assert "secret-folder" in reason


def test_a_job_waits_for_a_child_that_is_still_getting_ready(
    services: Services, process: WorkerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = WorkerProcess(services)

    def beat_and_wait(timeout_s: float) -> bool:
        late.beat()
        return WorkerProcess.wait_until_ready(late, timeout_s)

    monkeypatch.setattr(late, "wait_until_ready", beat_and_wait)
    job_id = submit(services, b"a text")
    run_job(late, job_id)
    assert read(services, job_id)[0].error_code == "not_a_picture"


@pytest.mark.parametrize(
    ("is_other_ready", "waits"),
    [(True, 1), (False, 5)],
    ids=["another is ready", "none is, for half of the time limit"],
)
def test_a_child_that_cannot_get_ready_passes_its_job_on_after_a_pause(
    services: Services, process: WorkerProcess, monkeypatch: pytest.MonkeyPatch, *, is_other_ready: bool, waits: int
) -> None:
    """Without the pause it would take all messages from those who work; without the message the job would wait for a sweep.

    While nobody is ready it keeps the message, which would only go round the queue.
    """
    app = make_celery(services.settings)
    monkeypatch.setattr(messages, "app", app)
    unready = WorkerProcess(services)
    services.settings = services.settings.model_copy(update={"worker_heartbeat_s": 10, "soft_time_limit_s": 100})
    waited: list[float] = []

    def wait_in_vain(timeout_s: float) -> bool:
        waited.append(timeout_s)
        return False

    monkeypatch.setattr(unready, "wait_until_ready", wait_in_vain)
    monkeypatch.setattr(job_runner, "monotonic", lambda: sum(waited))
    with services.database.write() as session:
        state = WorkerState.READY if is_other_ready else WorkerState.SETUP_FAILED
        record_heartbeat(session, "another:1", state)
    job_id = submit(services, b"a text")
    with capture_logs() as lines:
        run_job(unready, job_id)
    assert waited == [services.settings.worker_heartbeat_s] * waits
    assert [line["event"] for line in lines] == ["job_left_waiting"]
    job, _ = read(services, job_id)
    assert (job.status, job.attempt) == (JobStatus.QUEUED, 0)
    assert services.redis.llen(queues.ANALYSIS_QUEUE) == 1
    app.close()


class Away:
    """A database that is away for the next writes."""

    def __init__(self, database: Database, writes: int) -> None:
        self._database, self._left = database, writes
        self.refused = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._database, name)

    @contextmanager
    def write(self) -> Iterator[Session]:
        if self._left > 0:
            self._left -= 1
            self.refused += 1
            raise OperationalError("UPDATE", {}, Exception("database or disk is full"))
        with self._database.write() as session:
            yield session


@pytest.mark.parametrize(("writes", "status"), [(2, JobStatus.FAILED), (10_000, JobStatus.RUNNING)])
def test_a_result_waits_for_a_database_that_is_away(
    process: WorkerProcess, services: Services, monkeypatch: pytest.MonkeyPatch, writes: int, status: JobStatus
) -> None:
    """For a lease's time; then the job is another's."""
    monkeypatch.setattr(job_runner, "_WRITE_AGAIN_S", 0.01)
    job_id = submit(services, b"no picture")
    away = Away(services.database, writes)

    def analyze(*_: object) -> None:
        services.settings = services.settings.model_copy(update={"lease_s": 0.5})
        services.database = away  # type: ignore[assignment]
        raise PhotoError("not a picture")

    monkeypatch.setattr(job_runner, "_analyze", analyze)
    with pytest.raises(OperationalError) if writes > 2 else nullcontext():
        run_job(process, job_id)
    assert away.refused >= 2
    with away._database.read() as session:
        job = job_queries.get_job(session, job_id)
        assert job is not None
        assert job.status is status
