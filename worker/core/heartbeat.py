"""Heartbeat threads of a worker process: one renews the lease of the current job, one reports the process's state."""

import contextvars
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import structlog
from sqlalchemy.exc import SQLAlchemyError

from db.core.session import Database
from db.jobs.lifecycle import Claim, renew_lease

log = structlog.get_logger(__name__)

_JOIN_TIMEOUT_S = 10.0
"""The threads are daemons, so that one blocked by the database doesn't keep its process from exiting."""


class LeaseRenewer:
    """Renews the lease of the current claim at every third of its duration."""

    def __init__(self, database: Database, lease_s: float) -> None:
        self._database = database
        self._lease_s = lease_s

    @contextmanager
    def hold(self, claim: Claim) -> Iterator[None]:
        """Keep the claim's lease inside the block."""
        done = threading.Event()
        # in the job's context, so that its log lines have the same fields
        renew = partial(contextvars.copy_context().run, self._renew_until, claim, done)
        thread = threading.Thread(target=renew, name="lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join(_JOIN_TIMEOUT_S)

    def _renew_until(self, claim: Claim, done: threading.Event) -> None:
        while not done.wait(self._lease_s / 3):
            try:
                with self._database.write() as session:
                    is_held = renew_lease(session, claim, self._lease_s)
            except SQLAlchemyError as error:
                # The next renewal may succeed before the lease expires; if not, another worker repeats the job.
                log.warning("lease_not_renewed", reason=str(error))
                continue
            if not is_held:
                log.info("lease_lost", attempt=claim.attempt)
                return


class Heartbeat:
    """Calls `beat` every `interval_s` seconds until stopped. Exceptions are logged, and the beats continue."""

    def __init__(self, interval_s: float, beat: Callable[[], None]) -> None:
        self._interval_s = interval_s
        self._beat = beat
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Start; the first beat comes after one interval."""
        self._thread.start()

    def stop(self) -> None:
        """Stop. No beat follows, except one that the database delays for longer than this waits."""
        self._done.set()
        self._thread.join(_JOIN_TIMEOUT_S)

    def _run(self) -> None:
        while not self._done.wait(self._interval_s):
            try:
                self._beat()
            except SQLAlchemyError as error:
                log.warning("heartbeat_lost", reason=str(error))
            except Exception:
                log.exception("heartbeat_failed")
