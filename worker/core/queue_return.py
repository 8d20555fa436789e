"""What happens when the housekeeper connects to the queue anew: what the queue lost meanwhile is looked for at once."""

from typing import Any

from celery import bootsteps

from db.core import queues


class SweepOnConnection(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
    """Asks for a sweep at each connection to the queue. A queue that comes back may have lost every message."""

    requires = {"celery.worker.consumer.tasks:Tasks"}  # noqa: RUF012 - Celery's form

    def include_if(self, parent: Any) -> bool:
        """Only the housekeeper sweeps."""
        return queues.HOUSEKEEPING_QUEUE in parent.app.amqp.queues.consume_from

    def start(self, parent: Any) -> None:
        """Send the message; one that can't be sent is logged, and beat sends the next."""
        from worker.core.messages import send_sweep

        send_sweep()
