"""What happens when a worker and its children start and end.

The parent, the housekeeper and beat load this file too, so what only an analysing child needs is imported in the child.
"""

import os

from celery import signals

from db.core import queues as names
from emoscope.logging import configure_logs
from emoscope.settings import load_settings

_ANALYSES = "EMOSCOPE_INTERNAL_ANALYSES"
"""Set by the parent for its children: whether this worker takes analysis jobs, and so wants its models warm."""


@signals.setup_logging.connect
def set_up_logging(**_: object) -> None:
    """Log in our form instead of Celery's."""
    settings = load_settings()
    configure_logs(settings.log_level, settings.log_format)


@signals.celeryd_after_setup.connect
def remember_role(instance: object, **_: object) -> None:
    """In the parent: tell the children what they are for."""
    queues = instance.app.amqp.queues.consume_from  # type: ignore[attr-defined]
    os.environ[_ANALYSES] = str(int(names.ANALYSIS_QUEUE in queues))


@signals.beat_init.connect
def sweep_at_once(**_: object) -> None:
    """In beat: whatever was lost while nothing ran is looked for now, not after an interval."""
    from worker.core.messages import send_sweep

    send_sweep()


@signals.worker_process_init.connect
def warm_up(**_: object) -> None:
    """In a child: load everything. Celery counts the child as ready when this returns."""
    if os.environ.get(_ANALYSES) != "1":
        return
    from worker.analysis.process import current_process

    current_process()


@signals.worker_process_shutdown.connect
def say_goodbye(**_: object) -> None:
    """In a child that ends in order: say so."""
    if os.environ.get(_ANALYSES) != "1":
        return
    from worker.analysis.process import current_process

    if current_process.cache_info().currsize:
        current_process().stop()
