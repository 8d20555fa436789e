"""Tracks how many more jobs may be queued, without counting the queue for each submission."""

import threading
from time import monotonic, perf_counter

from sqlalchemy import Connection, bindparam, func, select

from db.core.session import Database
from db.core.vocabulary import JobStatus
from db.jobs.tables import Job

_REUSED_TIMES = 100
_MOST_REUSE_S = 1.0
"""A count is reused for 100 times the time that it took, so that counting takes at most 1 % of a thread's time."""

_WAITING = (
    select(Job.id).where(Job.status == JobStatus.QUEUED).limit(bindparam("at_most", type_=Job.attempt.type)).subquery()
)
_COUNT = select(func.count()).select_from(_WAITING)


class QueueRoom:
    """One process's estimate of the room in the queue. Thread-safe.

    It notices jobs of other processes within a second, so the queue may exceed its limit by that many.
    """

    def __init__(self, max_queued_jobs: int, *, reused_times: float = _REUSED_TIMES) -> None:
        """reused_times: for how many times as long as it took a count is used again."""
        self.max_queued_jobs = max_queued_jobs
        self._reused_times = reused_times
        self._lock = threading.Lock()
        self._waiting = 0
        self._fresh_until = 0.0

    def take(self, database: Database, wanted: int) -> bool:
        """Take room for `wanted` jobs. Returns whether there was enough. Nobody is refused by an outdated count."""
        with self._lock:
            if monotonic() < self._fresh_until and self._fits(wanted):
                self._waiting += wanted
                return True
        began = perf_counter()
        with database.look_up() as connection:
            waiting = count_waiting(connection, self.max_queued_jobs)
        took_s = perf_counter() - began
        with self._lock:
            self._waiting = waiting
            self._fresh_until = monotonic() + min(_MOST_REUSE_S, self._reused_times * took_s)
            if not self._fits(wanted):
                return False
            self._waiting += wanted
            return True

    def _fits(self, wanted: int) -> bool:
        return self._waiting + wanted <= self.max_queued_jobs


def count_waiting(connection: Connection, at_most: int) -> int:
    """Count queued jobs up to `at_most`. Reads that many index entries."""
    return int(connection.execute(_COUNT, {"at_most": at_most}).scalar_one())
