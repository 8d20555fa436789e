"""Sweeps when the housekeeper reconnects to the queue, for messages that the queue lost."""

from typing import Any

from celery import bootsteps

from db.core import queues


class SweepOnConnection(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
    """Sends the message of a sweep at each connection to the queue. A queue that restarted may have lost every message."""

    requires = {"celery.worker.consumer.tasks:Tasks"}  # noqa: RUF012 - Celery's form

    def include_if(self, parent: Any) -> bool:
        """Only the housekeeper sweeps."""
        return queues.HOUSEKEEPING_QUEUE in parent.app.amqp.queues.consume_from

    def start(self, parent: Any) -> None:
        """Send the message. A failure is logged, and beat sends the next."""
        from worker.core.messages import send_sweep

        send_sweep()
