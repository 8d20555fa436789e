"""Sends photos to a real stack at given times, and measures how long each waited and was processed."""

import asyncio
import contextlib
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil
from sqlalchemy import select

from bench.service.waiting import Connection, make_keys
from db.core.session import Database
from db.core.vocabulary import JobStatus
from db.jobs.tables import Job
from emoscope.cli.commands.demo import find_free_port
from emoscope.settings import Settings
from emoscope.stack.demo_photos import portrait_photo
from emoscope.stack.embedded import Stack

_CONNECTIONS = 16
_KEYS = 20
_DONE_TIMEOUT_S = 180


@dataclass(frozen=True)
class Scenario:
    """Number of worker processes, photos per second, and number of photos. burst: how many arrive at the same time."""

    name: str
    processes: int
    rate: float
    photos: int
    burst: int = 1
    seed: int = 1

    def list_arrivals(self) -> list[float]:
        """Return arrival times in seconds from the start; bursts arrive at random, as from independent clients."""
        chance, at, arrivals = random.Random(self.seed), 0.0, list[float]()
        while len(arrivals) < self.photos:
            at += chance.expovariate(self.rate / self.burst)
            arrivals += [at] * self.burst
        return arrivals[: self.photos]


@dataclass(frozen=True)
class Seen:
    """One job, in seconds from the start of the scenario."""

    created: float
    started: float
    finished: float

    @property
    def total_s(self) -> float:
        """From the submission's row to the result's."""
        return self.finished - self.created


@dataclass(frozen=True)
class Measured:
    """Result of a scenario. jobs: in order of creation. submit_cpu_s: processor time of the API per job."""

    jobs: list[Seen]
    submit_cpu_s: float


def measure(scenario: Scenario) -> Measured:
    """Run a scenario on a one-machine stack of its own."""
    with tempfile.TemporaryDirectory(prefix="emo-") as folder:
        settings = Settings(
            _env_file=None,
            data_dir=Path(folder),
            port=find_free_port("127.0.0.1"),
            worker_processes=scenario.processes,
            log_level="WARNING",
        )
        with Stack(settings, lambda _step: None) as stack:
            assert stack.client is not None
            database = Database(stack.settings.effective_database_url)
            keys = make_keys(database, _KEYS)
            photo = portrait_photo("astronaut").data
            asyncio.run(_submit(stack.client.api_url, keys, [0.0] * 20, photo))  # warm-up
            _wait_until_done(database)
            began, busy = time.time(), _sum_api_time()
            asyncio.run(_submit(stack.client.api_url, keys, scenario.list_arrivals(), photo))
            _wait_until_done(database)
            busy = _sum_api_time() - busy
            jobs = _read(database, began)
            database.close()
    return Measured(jobs, busy / len(jobs))


def _sum_api_time() -> float:
    """Return the processor time of the API's processes, which the supervisor below this process started."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "api.core.wsgi:app" in process.cmdline():
                times = process.cpu_times()
                total += times.user + times.system
    return total


async def _submit(url: str, keys: Sequence[str], arrivals: Sequence[float], photo: bytes) -> None:
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for number in range(_CONNECTIONS):
        free.put_nowait(Connection(url, keys[number % len(keys)]))
    began = time.monotonic()

    async def send(at: float) -> None:
        await asyncio.sleep(max(0.0, began + at - time.monotonic()))
        connection = await free.get()
        try:
            status, _, body = await connection.request("POST /v1/jobs", {"Content-Type": "image/jpeg"}, photo)
        except (asyncio.IncompleteReadError, ConnectionError):  # idle for longer than the server keeps connections
            connection.close()
            status, _, body = await connection.request("POST /v1/jobs", {"Content-Type": "image/jpeg"}, photo)
        assert status == 202, (status, body)
        free.put_nowait(connection)

    await asyncio.gather(*map(send, arrivals))
    while not free.empty():
        free.get_nowait().close()


def _wait_until_done(database: Database) -> None:
    end = time.monotonic() + _DONE_TIMEOUT_S
    while True:
        with database.read() as session:
            left = session.scalar(select(Job.id).where(Job.status.in_((JobStatus.QUEUED, JobStatus.RUNNING))).limit(1))
        if left is None:
            return
        assert time.monotonic() < end, "jobs don't end"
        time.sleep(0.2)


def _read(database: Database, began: float) -> list[Seen]:
    def since(moment: datetime | None) -> float:
        assert moment is not None
        return moment.timestamp() - began

    with database.read() as session:
        rows = session.execute(
            select(Job.created_at, Job.started_at, Job.finished_at, Job.status).order_by(Job.created_at)
        ).all()
    assert {status for *_, status in rows} == {JobStatus.SUCCEEDED}
    found = [Seen(since(created), since(started), since(finished)) for created, started, finished, _ in rows]
    return [seen for seen in found if seen.created > 0]
