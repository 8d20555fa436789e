"""What must not lose a job: a child killed at work, a queue that comes back empty, a worker that comes back late."""

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import psutil
import pytest
import redis

from db import access, jobs, workers
from db.columns import utcnow
from db.job_queries import get_job
from db.jobs import NewJob
from db.models import Job
from db.session import Database
from db.storage import BlobStore, make_photo_key
from db.vocabulary import JobStatus, WorkerState
from emoscope.demo_photos import portrait_photo
from emoscope.provision import provision
from emoscope.settings import Settings
from tests.conftest import Valkey
from tests.waiting import wait_until

PHOTO = portrait_photo("astronaut").data


class Fleet:
    """Worker processes that a test starts, on a database and a queue that it may disturb."""

    def __init__(self, settings: Settings, valkey: Valkey) -> None:
        self.settings = settings
        self.valkey = valkey
        self.gate = settings.data_dir / "gate"
        self.database = Database(settings.effective_database_url)
        self.blobs = BlobStore(settings.effective_blob_url)
        self._processes: list[subprocess.Popen[bytes]] = []
        self._environment = (
            os.environ | settings.to_environment() | {"EMOSCOPE_TEST_GATE": str(self.gate), "OMP_NUM_THREADS": "1"}
        )

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "celery", "-A", "tests.integration.held_worker", *arguments, "-l", "INFO"]
        with (self.settings.data_dir / f"process-{len(self._processes)}.log").open("wb") as log:
            process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=subprocess.STDOUT)
        self._processes.append(process)
        return process

    def start_analysis_worker(self) -> None:
        plain = ("-c", "1", "--without-gossip", "--without-mingle")
        self._analysis = self.start("worker", "-n", "analysis@%h", "-Q", "analysis,analysis-bulk", *plain)

    def kill_analysis_worker(self) -> None:
        """As a power cut would: the process and its children, all at once."""
        for process in [*psutil.Process(self._analysis.pid).children(), psutil.Process(self._analysis.pid)]:
            process.kill()
        self._analysis.wait()

    def start_all(self) -> None:
        self.start_analysis_worker()
        self.start(
            "worker",
            "-n",
            "housekeeping@%h",
            "-Q",
            "housekeeping",
            "-P",
            "threads",
            "-c",
            "2",
            "--without-gossip",
            "--without-mingle",
        )
        self.start("beat", "--pidfile=")
        wait_until(self.find_ready_child, "a child is ready")

    def find_ready_child(self) -> int | None:
        """The process id of a ready child."""
        with self.database.read() as session:
            for worker in workers.list_live_workers(session, 60):
                pid = int(worker.name.rsplit(":", 1)[1])
                if worker.state is WorkerState.READY and Path(f"/proc/{pid}").exists():
                    return pid
        return None

    def submit(self, **options: object) -> UUID:
        """What the API does, without its message: stored, and left to the sweeper."""
        job_id = uuid4()
        self.blobs.put(make_photo_key(job_id), PHOTO)
        with self.database.write() as session:
            application = access.ensure_application(session, "test")
            values: dict[str, object] = {
                "id": job_id,
                "application_id": application.id,
                "photo_key": make_photo_key(job_id),
                "photo_sha256": hashlib.sha256(PHOTO).hexdigest(),
                "photo_bytes": len(PHOTO),
                "media_type": "image/jpeg",
                "width": 512,
                "height": 512,
                "photo_retention_s": 3600,
                "max_attempts": 3,
            } | options
            jobs.create_job(session, NewJob(**values), "test")  # type: ignore[arg-type]
        return job_id

    def read(self, job_id: UUID) -> Job:
        with self.database.read() as session:
            job = get_job(session, job_id)
            assert job is not None
            list(job.events)
            return job

    def has_status(self, job_id: UUID, status: JobStatus) -> bool:
        return self.read(job_id).status is status

    def shut_gate(self) -> None:
        """Let the next detector wait."""
        os.mkfifo(self.gate)

    def open_gate(self) -> None:
        """Let every detector run from now on, one that waits included."""
        if not self.gate.exists():
            return
        descriptor = os.open(self.gate, os.O_RDWR | os.O_NONBLOCK)
        os.write(descriptor, b"go")
        self.gate.unlink()
        os.close(descriptor)

    def stop(self) -> None:
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
        self.database.close()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def running_fleet(request: pytest.FixtureRequest, short_tmp: Path) -> Iterator[Fleet]:
    folder = short_tmp / f"recovery-{request.param}"
    folder.mkdir()
    valkey = Valkey(folder / "valkey")
    valkey.start()
    url = ""
    if request.param == "postgresql":
        url = request.getfixturevalue("make_postgresql_database")("recovery")
    settings = Settings(
        _env_file=None,
        data_dir=folder,
        database_url=url,
        redis_url=valkey.redis_url,
        lease_s=4,
        sweep_interval_s=0.5,
        resend_after_s=0.5,
        worker_heartbeat_s=0.5,
    )
    provision(settings, lambda _step: None)
    fleet = Fleet(settings, valkey)
    fleet.start_all()
    yield fleet
    fleet.stop()
    valkey.stop()


@pytest.fixture
def fleet(running_fleet: Fleet) -> Iterator[Fleet]:
    """The fleet with its gate shut: the next job that is taken stays in hand until the test opens it."""
    wait_until(running_fleet.find_ready_child, "a child is ready")
    running_fleet.shut_gate()
    yield running_fleet
    running_fleet.open_gate()


def test_a_child_killed_at_work_costs_an_attempt_and_no_job(fleet: Fleet) -> None:
    job_id = fleet.submit()
    wait_until(lambda: fleet.has_status(job_id, JobStatus.RUNNING), "a child has the job in hand")
    worker = fleet.read(job_id).worker
    assert worker is not None
    os.kill(int(worker.rsplit(":", 1)[1]), signal.SIGKILL)
    wait_until(lambda: fleet.read(job_id).attempt == 2, "another child has taken the job")
    fleet.open_gate()
    wait_until(lambda: fleet.has_status(job_id, JobStatus.SUCCEEDED), "the job is done")
    job = fleet.read(job_id)
    assert (job.attempt, len(job.faces)) == (2, 1)
    statuses = [event.to_status for event in job.events]
    assert statuses == [JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.SUCCEEDED]


def test_a_photo_that_kills_every_child_ends_as_failed(fleet: Fleet) -> None:
    job_id = fleet.submit(max_attempts=2)
    for attempt in (1, 2):
        wait_until(lambda attempt=attempt: fleet.read(job_id).attempt == attempt, f"attempt {attempt} has begun")
        worker = fleet.read(job_id).worker
        assert worker is not None
        os.kill(int(worker.rsplit(":", 1)[1]), signal.SIGKILL)
    wait_until(lambda: fleet.has_status(job_id, JobStatus.FAILED), "the job is given up")
    assert fleet.read(job_id).error_code == "worker_lost"


def test_a_queue_that_comes_back_empty_loses_no_job(fleet: Fleet) -> None:
    job_ids = [fleet.submit() for _ in range(6)]
    wait_until(lambda: any(fleet.has_status(job_id, JobStatus.RUNNING) for job_id in job_ids), "a job is in hand")
    fleet.valkey.restart_empty()
    fleet.open_gate()
    wait_until(lambda: all(fleet.has_status(job_id, JobStatus.SUCCEEDED) for job_id in job_ids), "all are done")
    for job_id in job_ids:
        job = fleet.read(job_id)
        assert (job.attempt, len(job.faces)) == (1, 1)


def test_a_killed_worker_loses_no_job_that_it_had_fetched(fleet: Fleet) -> None:
    in_hand = fleet.submit()
    wait_until(lambda: fleet.has_status(in_hand, JobStatus.RUNNING), "a child has the job in hand")
    fetched = fleet.submit()
    queue = redis.Redis.from_url(fleet.valkey.redis_url)
    wait_until(lambda: queue.hlen("unacked"), "the worker has fetched the next message")
    queue.close()
    fleet.kill_analysis_worker()
    fleet.open_gate()
    fleet.start_analysis_worker()
    for job_id in (in_hand, fetched):
        wait_until(lambda job_id=job_id: fleet.has_status(job_id, JobStatus.SUCCEEDED), "the job is done")
    assert [fleet.read(job_id).attempt for job_id in (in_hand, fetched)] == [2, 1]


def test_a_job_canceled_at_work_gets_no_faces(fleet: Fleet) -> None:
    job_id = fleet.submit()
    wait_until(lambda: fleet.has_status(job_id, JobStatus.RUNNING), "a child has the job in hand")
    with fleet.database.write() as session:
        jobs.cancel_job(session, job_id, "test")
    fleet.open_gate()
    second = fleet.submit()
    wait_until(lambda: fleet.has_status(second, JobStatus.SUCCEEDED), "the child has gone on")
    assert (fleet.read(job_id).status, fleet.read(job_id).faces) == (JobStatus.CANCELED, [])


def test_an_overdue_job_is_canceled(fleet: Fleet) -> None:
    job_id = fleet.submit(deadline_at=utcnow())
    wait_until(lambda: fleet.has_status(job_id, JobStatus.CANCELED), "the job is canceled")
    assert fleet.read(job_id).error_code == "deadline_passed"
