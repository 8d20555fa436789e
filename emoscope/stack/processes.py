"""The processes of the one-machine stack: their command lines, their logs, how they are started and stopped."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from db.core import queues as names
from emoscope.settings import Settings
from emoscope.stack.leftovers import record_started

_STOP_TIMEOUT_S = 20
_KILL_TIMEOUT_S = 5
_STOP_ORDER = (("beat",), ("trainer", "housekeeper", "worker"), ("api",))
"""Beat first, so that nothing new begins; those that work together; the API last, so that people hear of it."""


class ProcessEnded(Exception):
    """A process ended by itself; the message has the end of its log."""


class Processes:
    """Starts processes, each with its log, and stops them in order when the `with` block ends."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, cleanup: contextlib.ExitStack) -> None:
        """Start all of them. cleanup: stops them when it is closed. Raises OSError if a log or a folder can't be made."""
        self._empty_metrics()
        cleanup.callback(self._stop)
        for name, command in list_commands(self._settings).items():
            log = cleanup.enter_context(self._log_path(name).open("ab"))
            # In a group of its own, so that a Ctrl-C reaches this process alone, which then stops them in order.
            self._running[name] = subprocess.Popen(
                command,
                env=self._environment(name),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            record_started(self._settings.data_dir, name, self.find_pid(name))

    def find_pid(self, name: str) -> int:
        """The process id of the process of that name."""
        return self._running[name].pid

    def check_alive(self) -> None:
        """Raise ProcessEnded if one of them has ended."""
        for name, process in self._running.items():
            if process.poll() is not None:
                path = self._log_path(name)
                raise ProcessEnded(
                    f"the process {name!r} ended with status {process.returncode}. Its log, {path}, ends:\n{_read_tail(path)}"
                )

    def _environment(self, name: str) -> dict[str, str]:
        """They read the settings anew, so what was given to this process in another way is put where they look."""
        # Two children with a thread pool of all cores each would only fight.
        environment = {"OMP_NUM_THREADS": "1"} | os.environ | self._settings.to_environment()
        return environment | {"PROMETHEUS_MULTIPROC_DIR": str(self._metrics_path)} if name == "api" else environment

    @property
    def _metrics_path(self) -> Path:
        """Where the API's processes count, each in a file of its own."""
        return self._settings.data_dir / "metrics"

    def _empty_metrics(self) -> None:
        """Counts begin at 0 with each start; files of an earlier one would be added to them."""
        shutil.rmtree(self._metrics_path, ignore_errors=True)
        self._metrics_path.mkdir(parents=True, exist_ok=True)

    def _stop(self) -> None:
        for names_together in _STOP_ORDER:
            _end([self._running[name] for name in names_together if name in self._running])

    def _log_path(self, name: str) -> Path:
        return self._settings.data_dir / "logs" / f"{name}.log"


def list_commands(settings: Settings) -> dict[str, list[str]]:
    """The command line of each process, in the order in which they are started."""
    log_level = ["--loglevel", settings.log_level]
    return {
        "api": [sys.executable, "-m", "gunicorn", "--config", "python:api.core.gunicorn_config", "api.core.wsgi:app"],
        "worker": _worker("analysis", f"{names.ANALYSIS_QUEUE},{names.BULK_QUEUE}", *log_level),
        "housekeeper": _worker(
            "housekeeping",
            f"{names.HOUSEKEEPING_QUEUE},{names.CALLBACK_QUEUE}",
            "-P",
            "threads",
            "-c",
            "16",
            *log_level,
        ),
        # One run at a time. Its child ends with it, and TensorFlow's memory with the child.
        "trainer": _worker("training", names.TRAINING_QUEUE, "-c", "1", "--max-tasks-per-child", "1", *log_level),
        "beat": [*_celery("beat"), "--pidfile=", *log_level],
    }


def _worker(name: str, queues: str, *options: str) -> list[str]:
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    return [*_celery("worker"), "-n", f"{name}@%h", "-Q", queues, *options, *quiet]


def _celery(command: str) -> list[str]:
    return [sys.executable, "-m", "celery", "-A", "worker.core.app", command]


def _end(processes: Iterable[subprocess.Popen[bytes]]) -> None:
    """End them at the same time: those that don't end when they are told to are killed. Never waits for ever."""
    for ask, timeout_s in ((subprocess.Popen.terminate, _STOP_TIMEOUT_S), (subprocess.Popen.kill, _KILL_TIMEOUT_S)):
        running = [process for process in processes if process.poll() is None]
        for process in running:
            ask(process)
        end = time.monotonic() + timeout_s
        for process in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0, end - time.monotonic()))


def _read_tail(path: Path, lines: int = 15) -> str:
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "(no log)"
