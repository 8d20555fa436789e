"""How many more jobs may wait, without counting those that wait at each submission."""

import threading
from time import monotonic, perf_counter

from sqlalchemy import Connection, bindparam, func, select

from db.core.session import Database
from db.core.vocabulary import JobStatus
from db.jobs.tables import Job

_REUSED_TIMES = 100
_MOST_REUSE_S = 1.0
"""A count is used again for 100 times as long as it took: so counting takes a hundredth of one thread's time, however many wait."""

_WAITING = (
    select(Job.id).where(Job.status == JobStatus.QUEUED).limit(bindparam("at_most", type_=Job.attempt.type)).subquery()
)
_COUNT = select(func.count()).select_from(_WAITING)


class QueueRoom:
    """One process's knowledge of how full the queue is. Safe to use from several threads.

    What other processes add within a second at most isn't seen at once, so the queue may become that much longer than its limit.
    """

    def __init__(self, max_queued_jobs: int) -> None:
        self.max_queued_jobs = max_queued_jobs
        self._lock = threading.Lock()
        self._waiting = 0
        self._fresh_until = 0.0

    def take(self, database: Database, wanted: int) -> bool:
        """Whether `wanted` more jobs may wait. They count as waiting from then on. Nobody is refused by an old count."""
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
            self._fresh_until = monotonic() + min(_MOST_REUSE_S, _REUSED_TIMES * took_s)
            if not self._fits(wanted):
                return False
            self._waiting += wanted
            return True

    def _fits(self, wanted: int) -> bool:
        return self._waiting + wanted <= self.max_queued_jobs


def count_waiting(connection: Connection, at_most: int) -> int:
    """How many jobs wait, or `at_most` if there are more. Reads as many index entries."""
    return int(connection.execute(_COUNT, {"at_most": at_most}).scalar_one())
