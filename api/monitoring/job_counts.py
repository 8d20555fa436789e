"""How many jobs there are in each status, without counting all of them each time that somebody asks."""

import threading
from time import monotonic

from sqlalchemy.orm import Session

from db.core.vocabulary import TERMINAL_STATUSES, JobStatus
from db.jobs import queries as job_queries

COUNT_ENDED_EVERY_S = 60.0
"""Half a million jobs take about 0.1 s to count; the dashboard asks every five seconds, and metrics are scraped as often."""

_ACTIVE = tuple(status for status in JobStatus if status not in TERMINAL_STATUSES)
_ENDED = tuple(status for status in JobStatus if status in TERMINAL_STATUSES)


class JobCounts:
    """Counts jobs that wait or run at each call, and keeps this process's last count of ended ones for a minute."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended: dict[JobStatus, int] = {}
        self._counted_at = -COUNT_ENDED_EVERY_S

    def read(self, session: Session) -> dict[JobStatus, int]:
        """Jobs in each status."""
        with self._lock:
            if monotonic() - self._counted_at >= COUNT_ENDED_EVERY_S:
                self._ended = job_queries.count_jobs(session, _ENDED)
                self._counted_at = monotonic()
            ended = self._ended
        return job_queries.count_jobs(session, _ACTIVE) | ended
