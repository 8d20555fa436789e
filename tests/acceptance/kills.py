"""Kills the programs of a stack one after another while jobs arrive."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from itertools import cycle
from uuid import UUID, uuid4

import httpx
import psutil
import redis
from sqlalchemy import func, select

from db.core.vocabulary import JobStatus
from db.faces.tables import Face
from db.jobs.tables import Job
from emoscope.stack.demo_photos import portrait_photo
from emoscope.stack.programs import MIN_UPTIME_S
from emoscope.stack.status import ProgramStatus, read_status
from tests.acceptance.conftest import Service
from tests.support.own_processes import list_own_processes
from tests.support.waiting import wait_until

PHOTO = portrait_photo("astronaut").data
PROGRAMS = ("valkey", "worker", "api", "housekeeper", "beat")
"""All that always run. The trainer is started when a run is due."""
CHILDREN = ("api", "worker")
"""Programs whose own processes are killed too: Gunicorn's, and those that analyse."""
GIVE_UP_S = 120


class Kills:
    """Kills, and looks whether the stack is back: the killed program runs, and a photo submitted after the kill is analysed."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.jobs: list[UUID] = []
        self.times_s: dict[str, list[float]] = {}

    def submit(self) -> UUID:
        """Submit a photo, as often as it takes: an API that isn't there is tried again, with the same key."""
        headers = {"Authorization": f"Bearer {self.service.api_key}", "Idempotency-Key": str(uuid4())}
        end = time.monotonic() + GIVE_UP_S
        while True:
            try:
                answer = httpx.post(
                    f"{self.service.url}/v1/jobs",
                    content=PHOTO,
                    headers=headers | {"Content-Type": "image/jpeg"},
                    timeout=5,
                )
                if answer.status_code == httpx.codes.ACCEPTED:
                    self.jobs.append(UUID(answer.json()["id"]))
                    return self.jobs[-1]
            except httpx.TransportError:
                pass
            assert time.monotonic() < end, "no photo is accepted"
            time.sleep(0.05)

    def find(self, name: str) -> ProgramStatus:
        found = read_status(self.service.settings.stack_socket)
        assert found is not None, "the supervisor doesn't answer"
        return next(program for program in found if program.name == name)

    def kill(self, name: str, *, child: bool = False) -> float:
        """Kill a program, or one of its processes. Returns after how many seconds the stack was back."""
        before = self.find(name)
        assert before.pid is not None
        victim = before.pid
        if child:
            victim = list_own_processes(before.pid)[-1]
        ready_lines = self._count_ready(name)
        for _ in range(3):
            self.submit()
        begin = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        if child:
            wait_until(lambda: not psutil.pid_exists(victim), f"the process of {name} is gone", GIVE_UP_S)
        else:
            wait_until(lambda: self.find(name).pid not in {None, before.pid}, f"{name} runs again", GIVE_UP_S)
            wait_until(lambda: self._count_ready(name) > ready_lines, f"{name} is ready", GIVE_UP_S)
        job_id = self.submit()
        wait_until(lambda: self.read_status(job_id) is JobStatus.SUCCEEDED, f"a job is done after {name}", GIVE_UP_S)
        taken_s = time.monotonic() - begin
        self.times_s.setdefault(f"{name}{' process' if child else ''}", []).append(taken_s)
        return taken_s

    def read_status(self, job_id: UUID) -> JobStatus | None:
        with self.service.database.read() as session:
            return session.scalar(select(Job.status).where(Job.id == job_id))

    def check_all_done(self) -> None:
        """Every job ended once, with its one face."""

        def count(*conditions: object) -> int:
            with self.service.database.read() as session:
                query = select(func.count()).select_from(Job).where(Job.id.in_(self.jobs), *conditions)  # type: ignore[arg-type]
                return int(session.scalar(query) or 0)

        wait_until(lambda: count(Job.status == JobStatus.SUCCEEDED) == len(self.jobs), "all jobs are done", GIVE_UP_S)
        with self.service.database.read() as session:
            faces = select(func.count()).select_from(Face).where(Face.job_id.in_(self.jobs)).group_by(Face.job_id)
            assert list(session.scalars(faces)) == [1] * len(self.jobs)

    def _count_ready(self, name: str) -> int:
        """How often the program has told that it is ready. What tells nothing, or elsewhere, is only looked for by its process."""
        words = {"worker": " ready.", "housekeeper": " ready.", "beat": " is starting."}
        if name == "valkey":
            return self._has_queue()
        if name not in words:
            return self.find(name).starts
        logs = sorted((self.service.settings.data_dir / "logs").glob(f"{name}.log*"))
        return sum(log.read_text(errors="replace").count(words[name]) for log in logs)

    def _has_queue(self) -> int:
        try:
            with redis.Redis.from_url(self.service.settings.effective_redis_url) as client:
                return int(client.info("server")["uptime_in_seconds"] >= 0) + self.find("valkey").starts
        except redis.RedisError:
            return 0


def run_kills(kills: Kills, count: int, note: Callable[[str], None]) -> None:
    """Kill each in turn, so often in all. One that has just started is left alone for a minute, or its pauses would grow."""
    targets: Iterator[tuple[str, bool]] = cycle(
        [*((name, False) for name in PROGRAMS), *((name, True) for name in CHILDREN)]
    )
    last: dict[str, float] = {}
    for number in range(count):
        name, child = next(targets)
        wait_s = last.get(name, -1000.0) + MIN_UPTIME_S + 1 - time.monotonic()
        if wait_s > 0:
            time.sleep(wait_s)
        taken_s = kills.kill(name, child=child)
        last[name] = time.monotonic()
        note(f"{number + 1}: {name}{' process' if child else ''} killed, back after {taken_s:.1f} s")
