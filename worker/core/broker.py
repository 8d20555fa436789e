"""Connections of workers and beat to the queue: kombu's Redis transport, configured to survive outages."""

from typing import Any

import structlog
from celery.app.amqp import AMQP
from kombu.connection import Connection
from kombu.transport import redis, virtual

log = structlog.get_logger(__name__)

_MOST_PAUSE_S = 4
"""Seconds between two connection attempts. kombu's default grows to 30 s, which would delay the recovery."""


class LocalQoS(virtual.QoS):
    """Counts unacknowledged messages in this process only.

    kombu's own class for Redis keeps copies of them in Redis. If an acknowledgement can't reach Redis, its message stays counted
    forever; with as many of those as a worker may prefetch, the worker takes no more messages (kombu 5.7, `transport/redis.py`,
    `QoS.ack`). The database knows which jobs wait, so the copies aren't needed.
    """

    taken = 0
    """Messages that this process has taken from its queues, on any channel."""

    def append(self, message: Any, delivery_tag: str) -> None:
        """Count a message as unacknowledged."""
        LocalQoS.taken += 1
        super().append(message, delivery_tag)  # type: ignore[no-untyped-call]

    def restore_unacked(self) -> list[tuple[BaseException, Any]]:
        """Return messages that nobody has started to the queue, if it can be reached; otherwise the sweeper sends them again.

        Returns no errors: kombu would write each message that it couldn't return to a file in the temporary folder.
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
    """A connection with this transport that reconnects quickly."""

    def get_transport_cls(self) -> type[Transport]:
        """Return the transport class for any URL scheme: `redis`, `rediss` or `redis+socket`."""
        return Transport

    def ensure_connection(self, *arguments: Any, **options: Any) -> Any:
        """Connect, retrying as long as kombu does, with short pauses."""
        options.setdefault("interval_max", _MOST_PAUSE_S)
        return super().ensure_connection(*arguments, **options)  # type: ignore[no-untyped-call]


class Broker(AMQP):  # type: ignore[misc]
    """Makes Celery use these connections."""

    Connection = BrokerConnection
    BrokerConnection = BrokerConnection
