"""A child's signs of life: it renews the lease of the job in hand and says how the child is, from a thread of its own."""

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
"""The threads are daemons: one that the database holds up doesn't keep its process from going on or ending."""


class LeaseRenewer:
    """Renews the lease of the claim in hand every third of its time."""

    def __init__(self, database: Database, lease_s: float) -> None:
        self._database = database
        self._lease_s = lease_s

    @contextmanager
    def hold(self, claim: Claim) -> Iterator[None]:
        """Keep the claim alive inside the block."""
        done = threading.Event()
        # in the context of the job, so that its log lines name what the others name
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
                # The next try may succeed before the lease runs out; if not, the job is done anew elsewhere.
                log.warning("lease_not_renewed", reason=str(error))
                continue
            if not is_held:
                log.info("lease_lost", attempt=claim.attempt)
                return


class Heartbeat:
    """Calls `beat` every `interval_s` seconds until stopped; what it raises is logged, and the next beat comes all the same."""

    def __init__(self, interval_s: float, beat: Callable[[], None]) -> None:
        self._interval_s = interval_s
        self._beat = beat
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin, with the first beat after one interval."""
        self._thread.start()

    def stop(self) -> None:
        """End. No beat comes after this returns, unless one is held up by the database for longer than this waits."""
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
