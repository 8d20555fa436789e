"""Real workers that start quickly, a queue that a test may disrupt, and tasks that the test starts and ends."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from celery import Celery

from emoscope.settings import Settings
from tests.support.valkey import Valkey
from worker.core.app import make_celery

PATIENCE_S = os.environ.get("EMOSCOPE_TEST_PATIENCE_S", "3")
"""The watch's own 20 s are too long for tests that are run often. On a busy machine, give it those: 0 leaves it as it is."""


class Workers:
    """Workers of the module `waiting_worker`, each with its log."""

    def __init__(self, folder: Path, valkey: Valkey) -> None:
        self.folder, self.valkey = folder, valkey
        self.settings = Settings(_env_file=None, data_dir=folder, redis_url=valkey.redis_url)
        self.queue: redis.Redis = redis.Redis.from_url(valkey.redis_url)
        self.celery: Celery = make_celery(self.settings)
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start Celery with these arguments."""
        command = [sys.executable, "-m", "celery", "-A", "tests.support.waiting_worker", *arguments]
        with self.log_path(len(self.processes)).open("wb") as log:
            process = subprocess.Popen(
                command,
                env=os.environ
                | {"EMOSCOPE_TEST_PATIENCE_S": PATIENCE_S}
                | self.settings.to_environment()
                | environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.processes.append(process)
        return process

    def start_worker(self, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a worker of the queue `waiting`."""
        plain = ("-n", "waiting@%h", "-Q", "waiting", "--without-gossip", "--without-mingle", "-l", "INFO")
        return self.start("worker", *plain, *arguments, **environment)

    def log_path(self, number: int) -> Path:
        return self.folder / f"process-{number}.log"

    def read_log(self, number: int = 0) -> str:
        return self.log_path(number).read_text()

    def send(self, *numbers: int) -> None:
        """Send a task of each number. It ends when the gate is open."""
        for number in numbers:
            self.celery.send_task("tests.wait", args=[number, str(self.folder)], queue="waiting", retry=False)

    def open_gate(self) -> None:
        (self.folder / "go").touch()

    def have_begun(self, *numbers: int) -> bool:
        return all((self.folder / f"{number}.begun").exists() for number in numbers)

    def are_done(self, *numbers: int) -> bool:
        return all((self.folder / f"{number}.done").exists() for number in numbers)

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
        for number, process in enumerate(self.processes):
            process.wait()
            print(f"log of process {number}:\n{self.read_log(number)}")  # pytest shows it where the test failed
        self.queue.close()
        self.celery.close()


@contextmanager
def run_workers(folder: Path) -> Iterator[Workers]:
    """A queue of its own, and no worker yet."""
    folder.mkdir()
    valkey = Valkey(folder / "valkey")
    valkey.start()
    workers = Workers(folder, valkey)
    try:
        yield workers
    finally:
        workers.stop()
        valkey.stop()
