"""Rate limits per key, counted in Redis across all processes."""

import re
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

log = structlog.get_logger(__name__)

_TIMEOUT_S = 0.5
_QUOTA_LIFE_S = 2 * 24 * 3600
_PAUSE_S = 5.0
"""How long Redis isn't called after a failure, so that a dead queue doesn't slow every request."""

_SECONDS = {"second": 1, "minute": 60, "hour": 3600}

_COUNT = """
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2]) * 1000
local found = redis.call('HMGET', KEYS[1], 'from', 'now', 'before')
local from, count, before = tonumber(found[1]), tonumber(found[2]) or 0, tonumber(found[3]) or 0
if not from or ms < from or ms >= from + 2 * window then
    from, count, before = ms, 0, 0
elseif ms >= from + window then
    from, count, before = from + window, 0, count
end
local left = from + window - ms
local used = math.floor(before * left / window) + count
local is_allowed = used < limit
if is_allowed then
    count, used = count + 1, used + 1
    redis.call('HSET', KEYS[1], 'from', from, 'now', count, 'before', before)
    redis.call('PEXPIREAT', KEYS[1], from + 2 * window)
end
local reset = left
if before > 0 then reset = math.min(reset, left % (window / before)) end
return {is_allowed and 1 or 0, limit - used, math.floor(reset)}
"""
"""Count a request in a sliding window: the previous window's count is weighted by the share of it that the last `window` seconds
still cover.

KEYS: the key's counts. ARGV: limit, window in seconds. Returns whether the request is allowed, how many are left, and the
milliseconds until the next is allowed.
"""


@dataclass(frozen=True)
class Allowance:
    """What a key has left: `remaining` of `limit` requests per window_s seconds. It has all of them again in reset_s seconds."""

    is_allowed: bool
    limit: int
    window_s: int
    remaining: int
    reset_s: int


class RateLimiter:
    """Counts requests in a sliding window, with one Redis command per request.

    While Redis is down everything is allowed: the limit protects against one client taking all capacity, not against attackers.
    """

    def __init__(self, redis_url: str, rate: str) -> None:
        """rate: `number/second|minute|hour`; empty for no limit. Raises ValueError for anything else."""
        self._limit, self._window_s = _read_rate(rate) if rate else (0, 0)
        self._redis: redis.Redis = redis.Redis.from_url(
            redis_url,
            socket_timeout=_TIMEOUT_S,
            socket_connect_timeout=_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        self._count = self._redis.register_script(_COUNT)
        self._lock = threading.Lock()
        self._paused_until = 0.0

    def count(self, key: str, rate: str | None = None) -> Allowance | None:
        """Count one request of a key. rate: overrides the setting. Returns None if there is no limit or Redis is down."""
        limit, window_s = _read_rate(rate) if rate else (self._limit, self._window_s)
        if not limit or monotonic() < self._paused_until:
            return None
        try:
            is_allowed, remaining, reset_ms = self._count(
                keys=[f"emoscope:limits:{key}:{window_s}"], args=[limit, window_s]
            )
        except redis.RedisError as error:
            self._pause(error)
            return None
        reset_s = max(1, round(reset_ms / 1000))
        return Allowance(bool(is_allowed), limit, window_s, max(0, remaining), reset_s)

    def take_photos(self, key: str, count: int, quota: int) -> int | None:
        """Take `count` photos from a key's quota of the day (UTC). Returns None on success, else how many are left.

        A refused count isn't taken. While Redis is down everything is allowed.
        """
        if monotonic() < self._paused_until:
            return None
        name = _name_quota(key)
        try:
            taken = int(self._redis.incrby(name, count))
            self._redis.expire(name, _QUOTA_LIFE_S)
            if taken <= quota:
                return None
            self._redis.decrby(name, count)
        except redis.RedisError as error:
            self._pause(error)
            return None
        return max(0, quota - (taken - count))

    def give_back_photos(self, key: str, count: int) -> None:
        """Return photos to the quota that became no jobs."""
        if monotonic() < self._paused_until:
            return
        try:
            # counts taken before midnight expired with their day
            if self._redis.exists(_name_quota(key)):
                self._redis.decrby(_name_quota(key), count)
        except redis.RedisError as error:
            self._pause(error)

    def _pause(self, error: redis.RedisError) -> None:
        with self._lock:
            self._paused_until = monotonic() + _PAUSE_S
        log.warning("rate_limit_unavailable", reason=str(error))

    def close(self) -> None:
        """Close the connections. The object stays usable and reconnects at the next call."""
        self._redis.close()


def _name_quota(key: str) -> str:
    return f"emoscope:quota:{key}:{datetime.now(UTC):%Y-%m-%d}"


def _read_rate(rate: str) -> tuple[int, int]:
    found = re.fullmatch(r"([0-9]+)/(second|minute|hour)", rate)
    if found is None:
        raise ValueError(f"{rate!r} is not a rate such as 600/minute")
    return int(found[1]), _SECONDS[found[2]]
