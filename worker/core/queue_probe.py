"""What a watch asks of the queue, by a connection of its own: whether it answers, and how many messages wait."""

from collections.abc import Sequence

import redis

from emoscope.settings import Settings

_TIMEOUT_S = 5.0
_KEY = "emoscope:watch"


class QueueProbe:
    """Asks the queue. Raises nothing."""

    def __init__(self, settings: Settings) -> None:
        self._client: redis.Redis = redis.Redis.from_url(
            settings.effective_redis_url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S
        )

    def count_messages(self, queues: Sequence[str]) -> int | None:
        """How many messages lie in these queues. None: the queue doesn't answer."""
        try:
            with self._client.pipeline(transaction=False) as pipeline:
                pipeline.ping()
                for queue in queues:
                    pipeline.llen(queue)
                return sum(int(length) for length in pipeline.execute()[1:])
        except redis.RedisError:
            return None

    def can_write(self) -> bool:
        """Whether the queue takes writes. One whose disk is full answers, and gives out no message."""
        try:
            self._client.set(_KEY, 1, ex=60)
        except redis.RedisError:
            return False
        return True
