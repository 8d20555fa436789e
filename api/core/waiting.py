"""Long polls: requests that wait for a job to change without polling the database.

A process that changes a job publishes its id on a Redis channel after the commit. One thread per process listens and wakes the
requests that wait for this job. A request subscribes before it reads the job, so no change is missed. Under the server a
waiting request holds no thread: see api/core/server/parking.py.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, cast
from uuid import UUID, uuid4

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

from api.core.server.hangup import current_hangup
from api.core.server.parking import Parked, Wakeup, current_parking
from db.core import queues

log = structlog.get_logger(__name__)

_CONNECT_TIMEOUT_S = 1.0
_RECONNECT_PAUSE_S = 0.5
_JOIN_TIMEOUT_S = 10.0
_CHECK_INTERVAL_S = 10.0
"""How often an idle connection is pinged, so that a silently dropped one is noticed."""


class Changes(Wakeup):
    """The changes that one request waits for."""

    def __init__(self, *, may_wait: bool) -> None:
        super().__init__()
        self.may_wait = may_wait
        self._hangup = current_hangup.get()

    def wait(self, deadline: float) -> bool:
        """Wait for the next change. Returns False if there was none before `deadline`, in `time.monotonic()` seconds.

        Also returns True if messages may have been lost: read the jobs again. Under the server the wait needs no thread: this
        raises Parked, the request runs again, and `is_over` says whether the deadline passed. A request that may not run again (see
        `api.core.once`) waits in its thread.
        """
        if not self.may_wait or self.is_over or self.is_pointless:
            return False
        parking = current_parking.get()
        if parking is not None and parking.may_run_again:
            raise Parked(self, deadline)
        return self.block(deadline) and not self.is_pointless

    def keep_deadline(self, deadline: float) -> float:
        """Return the deadline of this request's first wait, or this one if it is the first."""
        if self.deadline is None:
            self.deadline = deadline
        return self.deadline

    @property
    def is_pointless(self) -> bool:
        """Whether the client hung up or the process is stopping. Then answer at once."""
        return self._hangup is not None and self._hangup.is_set

    @contextmanager
    def wake_on_hangup(self) -> Iterator[None]:
        """Wake the waiter when the client hangs up or the process stops."""
        if self._hangup is None:
            yield
            return
        with self._hangup.listen(self.notify):
            yield


class Waiter:
    """One process's subscription to the channel. Its thread starts with the first wait, so in the serving process."""

    def __init__(self, redis_url: str, max_waits: int) -> None:
        """max_waits: requests that may wait at the same time; further ones are answered at once."""
        # an idle channel is normal: `get_message` has its own timeout, and health checks detect a dead connection
        self._redis = _connect(redis_url, socket_timeout=_CHECK_INTERVAL_S, health_check_interval=_CHECK_INTERVAL_S)
        self._publisher = _connect(redis_url, socket_timeout=_CONNECT_TIMEOUT_S)
        self._max_waits = max_waits
        self._lock = threading.Lock()
        self._waiting: dict[UUID, set[Changes]] = {}
        self._waits = 0
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()
        self._close_channel = f"{queues.JOB_CHANGED_CHANNEL}:close:{uuid4()}"
        """Wakes this process's own thread when it is to end."""

    @contextmanager
    def listen(self, job_ids: Iterable[UUID]) -> Iterator[Changes]:
        """Collect the changes of some jobs. Read the jobs inside the block, then wait, then read again.

        A request that runs again keeps what was collected since its first run, and the `job_ids` of that run.
        """
        parking = current_parking.get()
        if parking is None:
            changes, forget = self._register(tuple(job_ids), may_wait=True)
            try:
                with changes.wake_on_hangup():
                    yield changes
            finally:
                forget()
            return
        if parking.wakeup is None:
            parking.wakeup, parking.forget = self._register(tuple(job_ids), may_wait=parking.may_park)
        changes = cast("Changes", parking.wakeup)
        with changes.wake_on_hangup():
            yield changes

    def _register(self, wanted: tuple[UUID, ...], *, may_wait: bool) -> tuple[Changes, Callable[[], None]]:
        with self._lock:
            changes = Changes(may_wait=may_wait and self._waits < self._max_waits)
            if changes.may_wait:
                self._waits += 1
                for job_id in wanted:
                    self._waiting.setdefault(job_id, set()).add(changes)
                self._start()
        return changes, partial(self._forget, wanted, changes) if changes.may_wait else _do_nothing

    def announce(self, job_id: UUID) -> None:
        """Wake the requests that wait for this job, in every process. Call it after the commit.

        If the queue is down, they only wait longer.
        """
        try:
            self._publisher.publish(queues.JOB_CHANGED_CHANNEL, str(job_id))
        except redis.RedisError as error:
            log.warning("announcement_lost", job_id=str(job_id), reason=str(error))

    def close(self) -> None:
        """Stop the thread and wake all waiting requests."""
        self._closed.set()
        if self._thread is not None:
            with suppress(redis.RedisError):  # it ends by itself, a moment later
                self._publisher.publish(self._close_channel, "")
            self._thread.join(_JOIN_TIMEOUT_S)
        self._wake_all()
        self._redis.close()
        self._publisher.close()

    def _start(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="job-changes", daemon=True)
            self._thread.start()

    def _forget(self, job_ids: tuple[UUID, ...], changes: Changes) -> None:
        with self._lock:
            self._waits -= 1
            for job_id in job_ids:
                waiting = self._waiting[job_id]
                waiting.discard(changes)
                if not waiting:
                    del self._waiting[job_id]

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                with self._redis.pubsub() as channel:
                    channel.subscribe(queues.JOB_CHANGED_CHANNEL, self._close_channel)
                    while not self._closed.is_set():
                        self._handle(channel.get_message(timeout=_RECONNECT_PAUSE_S))
            except (redis.RedisError, OSError) as error:
                log.warning("job_changes_interrupted", reason=str(error))
                self._closed.wait(_RECONNECT_PAUSE_S)

    def _handle(self, message: Any) -> None:
        if message is None or self._closed.is_set():
            return
        if message["type"] == "subscribe":
            # Messages published before the subscription, or while the connection was down, are lost.
            self._wake_all()
            return
        try:
            job_id = UUID(message["data"].decode())
        except ValueError:
            log.warning("invalid_announcement", message=repr(message["data"]))
            return
        with self._lock:
            for changes in self._waiting.get(job_id, ()):
                changes.notify()

    def _wake_all(self) -> None:
        with self._lock:
            for waiting in self._waiting.values():
                for changes in waiting:
                    changes.notify()


def _do_nothing() -> None:
    pass


def _connect(redis_url: str, *, socket_timeout: float | None, health_check_interval: float = 0) -> redis.Redis:
    return redis.Redis.from_url(
        redis_url,
        socket_timeout=socket_timeout,
        socket_connect_timeout=_CONNECT_TIMEOUT_S,
        health_check_interval=health_check_interval,
        retry=Retry(NoBackoff(), 0),
    )
