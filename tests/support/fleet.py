"""Worker processes on a database and a queue that a test may disturb, and a gate that holds a job in hand."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psutil
import redis

from db.core.blobs import BlobStore, make_photo_key
from db.core.rows import relate
from db.core.session import Database
from db.core.vocabulary import JobStatus, WorkerState
from db.jobs.queries import get_job, list_events
from db.jobs.tables import Job
from db.monitoring import heartbeats
from emoscope.settings import Settings
from emoscope.stack.demo_photos import portrait_photo
from emoscope.stack.provision import provision
from tests.support.factories.jobs import add_job
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until

PHOTO = portrait_photo("astronaut").data


class Fleet:
    """Worker processes that a test starts, on a database and a queue that it may disturb."""

    def __init__(self, settings: Settings, valkey: Valkey) -> None:
        self.settings = settings
        self.valkey = valkey
        self.gate = settings.data_dir / "gate"
        self.deaf_mark = settings.data_dir / "gate.deaf"
        self.queue = redis.Redis.from_url(valkey.redis_url)
        self.database = Database(settings.effective_database_url)
        self.blobs = BlobStore(settings.effective_blob_url)
        self._processes: list[subprocess.Popen[bytes]] = []
        self._environment = (
            os.environ | settings.to_environment() | {"EMOSCOPE_TEST_GATE": str(self.gate), "OMP_NUM_THREADS": "1"}
        )

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "celery", "-A", "tests.support.held_worker", *arguments, "-l", "INFO"]
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
        plain = ("-P", "threads", "-c", "2", "--without-gossip", "--without-mingle")
        self.start("worker", "-n", "housekeeping@%h", "-Q", "housekeeping,callbacks", *plain)
        self.start("beat", "--pidfile=")
        wait_until(self.find_ready_child, "a child is ready")

    def find_ready_child(self) -> int | None:
        """The process id of a ready child."""
        with self.database.read() as session:
            for worker in heartbeats.list_live_workers(session, 60):
                pid = int(worker.name.rsplit(":", 1)[1])
                if worker.state is WorkerState.READY and Path(f"/proc/{pid}").exists():
                    return pid
        return None

    def submit(self, **options: object) -> UUID:
        """What the API does, without its message: stored, and left to the sweeper."""
        job_id = uuid4()
        self.blobs.put(make_photo_key(job_id), PHOTO)
        told: dict[str, Any] = {
            "photo_sha256": hashlib.sha256(PHOTO).hexdigest(),
            "photo_bytes": len(PHOTO),
            "media_type": "image/jpeg",
            "photo_retention_s": 3600,
        }
        return add_job(self.database, id=job_id, **told | options)

    def read(self, job_id: UUID) -> Job:
        with self.database.read() as session:
            job = get_job(session, job_id)
            assert job is not None
            return relate(job, events=list(list_events(session, job_id)))

    def has_status(self, job_id: UUID, status: JobStatus) -> bool:
        return self.read(job_id).status is status

    def is_in_attempt(self, job_id: UUID, attempt: int) -> bool:
        return self.read(job_id).attempt == attempt

    def has_fetched(self, job_id: UUID) -> bool:
        """Whether a worker holds the message of a job that still waits."""
        return self.has_status(job_id, JobStatus.QUEUED) and self.gate.with_name(f"received-{job_id}").exists()

    def shut_gate(self, *, is_deaf: bool = False) -> None:
        """Let the next detector wait. is_deaf: as native code would that doesn't come back, whatever its child is told."""
        if is_deaf:
            self.deaf_mark.touch()
        os.mkfifo(self.gate)

    def hold_job(self) -> UUID:
        """Submit a job, and wait until a child has it in hand."""
        job_id = self.submit()
        wait_until(lambda: self.has_status(job_id, JobStatus.RUNNING), "a child has the job in hand")
        return job_id

    def open_gate(self) -> None:
        """Let every detector run from now on, one that waits included."""
        if not self.gate.exists():
            return
        descriptor = os.open(self.gate, os.O_RDWR | os.O_NONBLOCK)
        os.write(descriptor, b"go")
        self.gate.unlink()
        self.deaf_mark.unlink(missing_ok=True)
        os.close(descriptor)

    def stop(self) -> None:
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
        self.queue.close()
        self.database.close()


@contextmanager
def run_fleet(folder: Path, **options: object) -> Iterator[Fleet]:
    """A fleet with a Valkey of its own, ready to take jobs. options: settings that a test wants otherwise."""
    folder.mkdir()
    valkey = Valkey(folder / "valkey")
    valkey.start()
    quick = {"lease_s": 4, "sweep_interval_s": 0.5, "resend_after_s": 0.5, "worker_heartbeat_s": 0.5}
    settings = Settings(_env_file=None, data_dir=folder, redis_url=valkey.redis_url, **quick | options)  # type: ignore[arg-type]
    try:
        provision(settings, lambda _step: None)
        fleet = Fleet(settings, valkey)
        try:
            fleet.start_all()
            yield fleet
        finally:
            fleet.stop()
    finally:
        valkey.stop()
