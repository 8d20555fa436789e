"""Queries of the watch threads to the queue, on a separate connection."""

from collections.abc import Sequence

import redis

from emoscope.settings import Settings

_TIMEOUT_S = 5.0
_KEY = "emoscope:watch"


class QueueProbe:
    """Queries the queue. Never raises."""

    def __init__(self, settings: Settings) -> None:
        self._client: redis.Redis = redis.Redis.from_url(
            settings.effective_redis_url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S
        )

    def count_messages(self, queues: Sequence[str]) -> int | None:
        """Return the number of messages in these queues, or None if the queue doesn't answer."""
        try:
            with self._client.pipeline(transaction=False) as pipeline:
                pipeline.ping()
                for queue in queues:
                    pipeline.llen(queue)
                return sum(int(length) for length in pipeline.execute()[1:])
        except redis.RedisError:
            return None

    def can_write(self) -> bool:
        """Return whether the queue accepts writes. With a full disk it answers, but hands out no message."""
        try:
            self._client.set(_KEY, 1, ex=60)
        except redis.RedisError:
            return False
        return True
