"""Celery signal handlers for the start and end of workers and their processes.

Main processes, housekeeper and beat import this module too, so what only analysis processes need is imported inside functions.
"""

import logging
import os

import structlog
from celery import signals

from emoscope.logging import configure_logs
from emoscope.settings import find_unknown_variables, load_settings
from worker.core.parent import watch_parent
from worker.core.watch import find_role

log = structlog.get_logger(__name__)

_TOLD_BY_US = ("celery.worker.strategy", "celery.app.trace", "celery.beat")
"""These loggers write two lines per task and one per tick of the schedule. Our `job_ended` and `delivery_made` are more
informative.
"""
_ROLE = "EMOSCOPE_INTERNAL_ROLE"
"""Set by the main process for its worker processes: the worker's role. One for `analysis` loads its models at startup."""


@signals.setup_logging.connect
def set_up_logging(**_: object) -> None:
    """Use our log format instead of Celery's."""
    settings = load_settings()
    configure_logs(settings.log_level, settings.log_format)
    if settings.log_level != "DEBUG":
        for name in _TOLD_BY_US:
            logging.getLogger(name).setLevel(logging.WARNING)
    for unknown in find_unknown_variables():
        log.warning("unknown_setting", reason=str(unknown))


@signals.celeryd_after_setup.connect
def remember_role(instance: object, **_: object) -> None:
    """In the main process: tell worker processes the worker's role."""
    queues = instance.app.amqp.queues.consume_from  # type: ignore[attr-defined]
    os.environ[_ROLE] = find_role(list(queues))


@signals.beat_init.connect
def start_beat(**_: object) -> None:
    """In beat: send a sweep at startup, instead of after an interval, for what was lost while nothing ran."""
    from worker.core.beat_watch import BeatWatch
    from worker.core.messages import send_sweep

    BeatWatch(load_settings()).start()
    send_sweep()


@signals.worker_process_init.connect
def warm_up(**_: object) -> None:
    """In a worker process: load everything. Celery counts the process as ready when this returns."""
    role = os.environ.get(_ROLE, "")
    parent = watch_parent(load_settings().data_dir, role)
    if role != "analysis":
        return
    from worker.analysis.process import current_process

    current_process().set_parent(parent)


@signals.worker_process_shutdown.connect
def report_stop(**_: object) -> None:
    """In a worker process that stops normally: report it."""
    if os.environ.get(_ROLE) != "analysis":
        return
    from worker.analysis.process import current_process

    if current_process.cache_info().currsize:
        current_process().stop()
