"""How many requests a key may make, counted in Redis over all processes."""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic, time

import limits
import limits.storage
import limits.strategies
import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

log = structlog.get_logger(__name__)

_TIMEOUT_S = 0.5
_QUOTA_LIFE_S = 2 * 24 * 3600
_PAUSE_S = 5.0
"""How long Redis isn't asked again after it failed: a dead queue must not slow every request."""


@dataclass(frozen=True)
class Allowance:
    """What a key may still do. limit requests in window_s seconds, remaining of them left, full again in reset_s seconds."""

    is_allowed: bool
    limit: int
    window_s: int
    remaining: int
    reset_s: int


class RateLimiter:
    """Counts requests in a window that slides, so that no burst fits between two windows.

    While Redis is down everything is allowed: the limit guards against one client taking all, not against intruders.
    """

    def __init__(self, redis_url: str, rate: str) -> None:
        """rate: `number/second|minute|hour`; empty for no limit. Raises ValueError for anything else."""
        self._item = limits.parse(rate) if rate else None
        storage_url = redis_url.replace("unix://", "redis+unix://")
        self._storage = limits.storage.RedisStorage(
            storage_url,
            key_prefix="emoscope:limits",
            socket_timeout=_TIMEOUT_S,
            socket_connect_timeout=_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),  # type: ignore[arg-type]  # passed on to redis-py as it is
        )
        self._limiter = limits.strategies.SlidingWindowCounterRateLimiter(self._storage)
        self._lock = threading.Lock()
        self._paused_until = 0.0

    def count(self, key: str, rate: str | None = None) -> Allowance | None:
        """Count one request of a key. rate: in place of the setting's. Returns None where there is no limit, or nobody to count."""
        item = limits.parse(rate) if rate else self._item
        if item is None or monotonic() < self._paused_until:
            return None
        try:
            is_allowed = self._limiter.hit(item, key)
            stats = self._limiter.get_window_stats(item, key)
        except redis.RedisError as error:
            self._pause(error)
            return None
        reset_s = max(1, round(stats.reset_time - time()))
        return Allowance(is_allowed, item.amount, item.get_expiry(), max(0, stats.remaining), reset_s)

    def take_photos(self, key: str, count: int, quota: int) -> int | None:
        """Take `count` photos of a key's quota of the day (UTC). Returns None if there are so many left, else how many are.

        What is refused isn't taken. While Redis is down everything is allowed, as for requests.
        """
        if monotonic() < self._paused_until:
            return None
        name = f"emoscope:quota:{key}:{datetime.now(UTC):%Y-%m-%d}"
        client: redis.Redis = self._storage.storage
        try:
            taken = int(client.incrby(name, count))
            client.expire(name, _QUOTA_LIFE_S)
            if taken <= quota:
                return None
            client.decrby(name, count)
        except redis.RedisError as error:
            self._pause(error)
            return None
        return max(0, quota - (taken - count))

    def _pause(self, error: redis.RedisError) -> None:
        with self._lock:
            self._paused_until = monotonic() + _PAUSE_S
        log.warning("rate_limit_unavailable", reason=str(error))

    def close(self) -> None:
        """Close the connections. The object stays usable and would connect anew."""
        self._storage.storage.close()
