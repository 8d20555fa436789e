import threading
from types import SimpleNamespace

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from db.core.session import Database
from db.jobs import lifecycle
from db.jobs.lifecycle import Claim, renew_lease
from db.jobs.tables import Job
from tests.support.factories.actors import TEST
from tests.support.factories.jobs import LEASE_S, add_job, claim
from worker.core import heartbeat as module
from worker.core.heartbeat import Heartbeat, LeaseRenewer


class Turns(threading.Event):
    """A clock whose waits return at once: after this many the work is done. waited_s: how long each would take."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._left = count
        self.waited_s: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waited_s.append(timeout or 0)
        self._left -= 1
        return self._left < 0


@pytest.fixture
def renewals(monkeypatch: pytest.MonkeyPatch) -> list[Claim]:
    """The claims whose lease is renewed, in order."""
    asked: list[Claim] = []

    def note_and_renew(session: Session, held: Claim, lease_s: float) -> bool:
        asked.append(held)
        return renew_lease(session, held, lease_s)

    monkeypatch.setattr(module, "renew_lease", note_and_renew)
    return asked


def hold(database: Database, held: Claim, turns: Turns, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold a claim until the turns are over, or its renewer has ended."""
    threads: list[threading.Thread] = []

    def make_thread(**options: object) -> threading.Thread:
        threads.append(threading.Thread(**options))  # type: ignore[arg-type]
        return threads[0]

    monkeypatch.setattr(module, "threading", SimpleNamespace(Event=lambda: turns, Thread=make_thread))
    with LeaseRenewer(database, LEASE_S).hold(held):
        threads[0].join(timeout=30)
        assert not threads[0].is_alive()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_lease_is_renewed_long_before_it_is_over(
    database: Database, renewals: list[Claim], monkeypatch: pytest.MonkeyPatch
) -> None:
    held, turns = claim(database, add_job(database), lease_s=-1), Turns(3)
    hold(database, held, turns, monkeypatch)
    assert renewals == [held] * 3
    assert sum(turns.waited_s[:2]) < LEASE_S, "also where one renewal fails, the next one is in time"
    with database.read() as session:
        job = session.get_one(Job, held.job_id)
        assert job.lease_expires_at is not None
        assert job.started_at is not None
        assert (job.lease_expires_at - job.started_at).total_seconds() >= LEASE_S


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_renewal_that_fails_is_not_the_last(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    def fail(_session: object, held: Claim, _lease_s: float) -> bool:
        tries.append(held)
        raise OperationalError("UPDATE", {}, Exception("the database is away"))

    monkeypatch.setattr(module, "renew_lease", fail)
    hold(database, claim(database, add_job(database)), Turns(2), monkeypatch)
    assert len(tries) == 2


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_claim_that_is_lost_is_renewed_no_more(
    database: Database, renewals: list[Claim], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = claim(database, add_job(database))
    with database.write() as session:
        lifecycle.cancel_job(session, held.job_id, TEST)
    hold(database, held, Turns(3), monkeypatch)
    assert renewals == [held]


def test_a_beat_that_raises_is_not_the_last() -> None:
    beats = threading.Semaphore(0)

    def beat() -> None:
        beats.release()
        raise RuntimeError("out of a card's memory")

    heartbeat = Heartbeat(0.01, beat)
    heartbeat.start()
    assert all(beats.acquire(timeout=10) for _ in range(3))
    heartbeat.stop()
