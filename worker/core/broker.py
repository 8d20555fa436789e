"""How workers and beat reach the queue: kombu's Redis transport, set up for a queue that is away at times."""

from typing import Any

import structlog
from celery.app.amqp import AMQP
from kombu.connection import Connection
from kombu.transport import redis, virtual

log = structlog.get_logger(__name__)

_MOST_PAUSE_S = 4
"""Between two attempts to connect. kombu's default grows to 30 s, which a queue that is back would be left waiting for."""


class LocalQoS(virtual.QoS):
    """Counts the messages in hand, in this process alone.

    kombu's own for Redis keeps a second copy of them there. An acknowledgement that can't reach Redis then leaves its message
    counted as in hand for ever; with as many of those as a worker may fetch, the worker takes nothing more (kombu 5.7,
    `transport/redis.py`, `QoS.ack`). The database knows which jobs wait, so nothing needs that copy.
    """

    taken = 0
    """Messages that this process has taken from its queues, by whatever channel."""

    def append(self, message: Any, delivery_tag: str) -> None:
        """Count a message as in hand."""
        LocalQoS.taken += 1
        super().append(message, delivery_tag)  # type: ignore[no-untyped-call]

    def restore_unacked(self) -> list[tuple[BaseException, Any]]:
        """Put messages that nobody has begun with back into the queue, where it can be reached; else the sweeper sends them anew.

        Returns no errors: kombu would write each message that it couldn't put back to a file in the temporary folder.
        """
        if errors := super().restore_unacked():  # type: ignore[no-untyped-call]
            log.warning("messages_left_to_the_sweeper", count=len(errors), reason=str(errors[0][0]))
        return []


class Channel(redis.Channel):
    """A channel whose acknowledgements stay in this process."""

    ack_emulation = False

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)  # type: ignore[no-untyped-call]
        self.QoS = LocalQoS  # type: ignore[assignment]


class Transport(redis.Transport):
    """The Redis transport with these channels."""

    Channel = Channel


class BrokerConnection(Connection):
    """A connection by this transport, that tries often to come back."""

    def get_transport_cls(self) -> type[Transport]:
        """The class of the transport, whatever the URL calls it: `redis`, `rediss` or `redis+socket`."""
        return Transport

    def ensure_connection(self, *arguments: Any, **options: Any) -> Any:
        """Connect, and try again for as long as kombu does, with short pauses."""
        options.setdefault("interval_max", _MOST_PAUSE_S)
        return super().ensure_connection(*arguments, **options)  # type: ignore[no-untyped-call]


class Broker(AMQP):  # type: ignore[misc]
    """Celery's entry to the queue, by these connections."""

    Connection = BrokerConnection
    BrokerConnection = BrokerConnection
