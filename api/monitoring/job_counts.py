"""Number of jobs by status, cached in part."""

import threading
from time import monotonic

from sqlalchemy.orm import Session

from db.core.vocabulary import TERMINAL_STATUSES, JobStatus
from db.jobs import queries as job_queries

COUNT_ENDED_EVERY_S = 60.0
"""How long counts of ended jobs are cached.

Counting half a million jobs takes about 0.1 s; dashboard and metrics ask every few seconds.
"""

_ACTIVE = tuple(status for status in JobStatus if status not in TERMINAL_STATUSES)
_ENDED = tuple(status for status in JobStatus if status in TERMINAL_STATUSES)


class JobCounts:
    """Counts queued and running jobs at each call, and caches this process's count of ended ones for a minute."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended: dict[JobStatus, int] = {}
        self._counted_at = -COUNT_ENDED_EVERY_S

    def read(self, session: Session) -> dict[JobStatus, int]:
        """Return the number of jobs by status."""
        with self._lock:
            if monotonic() - self._counted_at >= COUNT_ENDED_EVERY_S:
                self._ended = job_queries.count_jobs(session, _ENDED)
                self._counted_at = monotonic()
            ended = self._ended
        return job_queries.count_jobs(session, _ACTIVE) | ended
