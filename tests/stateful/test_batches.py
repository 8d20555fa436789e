"""Random sequences of actions on batches, on both databases.

Photos arrive in one call or several, a process dies between the end of a job and the end of its batch, users close, cancel, retry
and erase, calls run out of time, and the sweeper runs at any moment. Whatever happens, the counts are right, each photo keeps its
position, and each end of a batch is sent once.
"""

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import func, select
from uuid_utils.compat import uuid7

from db.accounts import api_keys
from db.core.blobs import BlobStore, make_photo_key
from db.core.session import Database
from db.core.vocabulary import TERMINAL_STATUSES, Detector, JobStatus
from db.jobs import actions, batch_actions, lifecycle
from db.jobs.batches import (
    BatchClosed,
    RefusedPhoto,
    UnknownBatch,
    count_batch,
    find_batch,
    list_photos,
    read_position,
)
from db.jobs.lifecycle import Outcome
from db.jobs.queries import get_job
from db.jobs.room import QueueRoom
from db.jobs.services import JobServices
from db.jobs.submission import NewBatch, submit_batch
from db.jobs.tables import Batch, BatchCount, BatchRefusal, Job
from db.webhooks.tables import WebhookEndpoint, WebhookEvent
from tests.stateful.machines import TIMEOUT_S, refused_unless, run_machine
from tests.support.databases import empty_tables
from tests.support.factories.actors import ANA
from tests.support.factories.jobs import make_new_job
from worker.housekeeping import sweeper

PHOTO = b"a photo"
_OUT_OF_TIME_S = -1.0
_MOST_BATCHES = 2
_ACTIVE = frozenset(JobStatus) - TERMINAL_STATUSES


@dataclass
class ModelBatch:
    """What the batch must be."""

    is_open: bool
    is_canceled: bool = False
    is_erased: bool = False
    sent: int = 0
    refused: set[int] = field(default_factory=set)
    """Places of photos that were refused."""
    jobs: dict[int, UUID] = field(default_factory=dict)
    """By their places."""
    was_finished: bool = False
    ends: int = 0
    """How often it was seen to be finished."""


@dataclass
class ModelJob:
    """What the job must be."""

    status: JobStatus = JobStatus.QUEUED
    is_photo_kept: bool = True
    is_retry: bool = False
    """Made after its batch was canceled, so that it goes on."""


_NUMBER = st.integers(0, _MOST_BATCHES)
"""Chooses a batch."""


def has_batch(machine: "BatchMachine") -> bool:
    return bool(machine.list_shown())


def has_job(status: JobStatus) -> Callable[["BatchMachine"], bool]:
    """A rule that needs a job of this status waits until there is one, so that few rules do nothing."""
    return lambda machine: bool(machine.list_shown(status))


class BatchMachine(RuleBasedStateMachine):
    """The rules are what clients, workers and the sweeper may do at any moment."""

    def __init__(self, database: Database, folder: Path) -> None:
        super().__init__()
        self.database = database
        empty_tables(database)
        self.blobs = BlobStore(str(folder))
        self.model: dict[UUID, ModelBatch] = {}
        self.known: list[UUID] = []
        """The newest batches, erased ones too."""
        self.jobs: dict[UUID, ModelJob] = {}
        with database.write() as session:
            self.application_id = api_keys.ensure_application(session, "test").id
            session.add(
                WebhookEndpoint(
                    application_id=self.application_id, url="https://example.com", events=["batch.finished"]
                )
            )
        self.services = JobServices(
            database=database,
            blobs=self.blobs,
            send=lambda _job_id, _priority: True,
            announce=lambda _job_id: None,
            ask_for_fetches=lambda _count: None,
            room=QueueRoom(100_000),
            idempotency_retention_s=3600,
            photo_retention_s=3600,
            max_attempts=1,
            worker_heartbeat_s=5,
            configured_detectors=frozenset(Detector),
        )
        self.sweeping: Any = SimpleNamespace(database=database, blobs=self.blobs, announce=lambda _job_id: None)

    # Clients

    # few batches, so that much happens to each
    @precondition(lambda self: len(self.list_shown()) < _MOST_BATCHES)
    @rule(is_open=st.booleans(), count=st.integers(1, 3), refused=st.integers(0, 2))
    def create(self, *, is_open: bool, count: int, refused: int) -> None:
        batch_id = uuid7()
        self.known = [*self.known[-_MOST_BATCHES:], batch_id]
        self.model[batch_id] = ModelBatch(is_open)
        self._send(batch_id, count, refused, is_open=is_open, is_there=False)

    @precondition(lambda self: self.known)
    @rule(number=_NUMBER, count=st.integers(0, 3), refused=st.integers(0, 2))
    def add(self, number: int, count: int, refused: int) -> None:
        """Also to one that was erased."""
        batch_id = self.known[number % len(self.known)]
        batch = self.model.get(batch_id)
        with refused_unless(batch is not None and not batch.is_erased, UnknownBatch):
            if batch is None or batch.is_erased:
                self._send(batch_id, count, refused, is_open=True, is_there=True)
                return
            with refused_unless(batch.is_open, BatchClosed):
                self._send(batch_id, count, refused, is_open=True, is_there=True)

    def _send(self, batch_id: UUID, count: int, refused: int, *, is_open: bool, is_there: bool) -> None:
        # refused photos come first, then those that are jobs
        reasons = [RefusedPhoto(place, None, "not_a_picture", "no") for place in range(refused)]
        new = [
            make_new_job(
                self.application_id,
                id=uuid7(),
                photo_sha256=hashlib.sha256(PHOTO).hexdigest(),
                photo_bytes=len(PHOTO),
                max_attempts=1,
                photo_retention_s=3600,
                batch_id=batch_id,
                batch_position=place,
            )
            for place in range(refused, refused + count)
        ]
        wanted = NewBatch(batch_id, self.application_id, reasons, is_open=is_open, is_there=is_there)
        done = submit_batch(self.services, wanted, [(each, lambda: PHOTO) for each in new], actor=ANA)
        batch = self.model[batch_id]
        assert (done.id, done.first_position, done.count) == (batch_id, batch.sent, count + refused)
        batch.refused |= {batch.sent + place for place in range(refused)}
        batch.jobs |= {batch.sent + (each.batch_position or 0): each.id for each in new}
        batch.sent += count + refused
        self.jobs |= {each.id: ModelJob() for each in new}

    @precondition(has_batch)
    @rule(number=_NUMBER)
    def close(self, number: int) -> None:
        batch_id = self.choose_batch(number)
        batch_actions.close_batch(self.services, batch_id)
        self.model[batch_id].is_open = False

    @precondition(has_batch)
    @rule(number=_NUMBER, has_time=st.booleans())
    def cancel(self, number: int, *, has_time: bool) -> None:
        batch_id = self.choose_batch(number)
        found = self.find(batch_id)
        assert found is not None
        most_s = batch_actions.CALL_S if has_time else _OUT_OF_TIME_S
        batch_actions.cancel_batch(self.services, found, actor=ANA, is_owner=False, most_s=most_s)
        batch = self.model[batch_id]
        batch.is_open, batch.is_canceled = False, True
        for job_id in batch.jobs.values():
            self.jobs[job_id].is_retry = False
        if has_time:
            self._cancel_active(batch)

    def _cancel_active(self, batch: ModelBatch) -> None:
        for job_id in batch.jobs.values():
            if self.jobs[job_id].status in _ACTIVE and not self.jobs[job_id].is_retry:
                self.jobs[job_id].status = JobStatus.CANCELED

    @precondition(has_job(JobStatus.FAILED))
    @rule(number=_NUMBER, has_time=st.booleans())
    def retry(self, number: int, *, has_time: bool) -> None:
        """The failed photos that are kept become new jobs in their places, and the sweeper doesn't cancel the new jobs."""
        batch_id = self.choose_batch(number, JobStatus.FAILED)
        found = self.find(batch_id)
        assert found is not None
        most_s = batch_actions.CALL_S if has_time else _OUT_OF_TIME_S
        retried = batch_actions.retry_batch(self.services, found, actor=ANA, is_owner=False, most_s=most_s)
        batch = self.model[batch_id]
        failed = {place: job for place, job in batch.jobs.items() if self.jobs[job].status is JobStatus.FAILED}
        kept = {place: job for place, job in failed.items() if self.jobs[job].is_photo_kept}
        if not has_time:
            assert (retried.submitted, retried.gone, retried.left) == (0, 0, len(failed))
            return
        assert (retried.submitted, retried.gone, retried.left) == (len(kept), len(failed) - len(kept), 0)
        with self.database.read() as session:
            for place in kept:
                chosen = select(Job).where(Job.batch_id == batch_id, Job.batch_position == place)
                batch.jobs[place] = session.scalars(chosen).one().id
                assert batch.jobs[place] not in self.jobs
                self.jobs[batch.jobs[place]] = ModelJob(is_retry=batch.is_canceled)
        if kept:
            batch.was_finished = False

    @precondition(has_job(JobStatus.FAILED))
    @rule(number=_NUMBER, place=st.integers(0, 20))
    def lose_photo(self, number: int, place: int) -> None:
        job_id = self.choose(self.choose_batch(number, JobStatus.FAILED), place)
        if job_id is not None:
            self.blobs.delete(make_photo_key(job_id))
            self.jobs[job_id].is_photo_kept = False

    # not the only one, which has more to live through
    @precondition(lambda self: len(self.list_shown()) == _MOST_BATCHES)
    @rule(number=_NUMBER, has_time=st.booleans())
    def erase(self, number: int, *, has_time: bool) -> None:
        batch_id = self.choose_batch(number)
        found = self.find(batch_id)
        assert found is not None
        most_s = batch_actions.CALL_S if has_time else _OUT_OF_TIME_S
        is_gone = batch_actions.erase_batch(self.services, found, actor=ANA, is_owner=False, most_s=most_s)
        assert is_gone == has_time
        self.model[batch_id].is_erased = True
        if has_time:
            self._forget(batch_id)

    def _forget(self, batch_id: UUID) -> None:
        for job_id in self.model.pop(batch_id).jobs.values():
            del self.jobs[job_id]

    @precondition(has_batch)
    @rule(number=_NUMBER, place=st.integers(0, 20))
    def erase_one_job(self, number: int, place: int) -> None:
        batch_id = self.choose_batch(number)
        job_id = self.choose(batch_id, place)
        if job_id is None:
            return
        with self.database.read() as session:
            job = get_job(session, job_id)
        assert job is not None
        actions.erase_job(self.services, job, actor=ANA)
        batch = self.model[batch_id]
        batch.jobs = {place: each for place, each in batch.jobs.items() if each != job_id}
        del self.jobs[job_id]

    # Workers

    def choose(self, batch_id: UUID, place: int) -> UUID | None:
        batch = self.model.get(batch_id)
        ids = list(batch.jobs.values()) if batch is not None else []
        return ids[place % len(ids)] if ids else None

    @precondition(has_job(JobStatus.QUEUED))
    @rule(
        number=_NUMBER,
        ends=st.lists(
            st.sampled_from((JobStatus.FAILED, JobStatus.SUCCEEDED, JobStatus.CANCELED, JobStatus.RUNNING)),
            min_size=1,
            max_size=4,
        ),
        dies=st.booleans(),
    )
    def work(self, number: int, ends: list[JobStatus], *, dies: bool) -> None:
        """The next jobs come to their ends, or start. dies: the process ends between a job's end and that of its batch."""
        batch_id = self.choose_batch(number, JobStatus.QUEUED)
        jobs = self.model[batch_id].jobs.values()
        queued = [job_id for job_id in jobs if self.jobs[job_id].status is JobStatus.QUEUED]
        for job_id, end in zip(queued, ends, strict=False):
            with self.database.write() as session:
                if end is JobStatus.CANCELED:
                    lifecycle.cancel_job(session, job_id, actor=ANA)
                else:
                    _, claim = lifecycle.claim_job(session, job_id, "w", 3600)
                    if end is JobStatus.SUCCEEDED:
                        lifecycle.finish_job(session, claim, Outcome(9, 9, ()))
                    elif end is JobStatus.FAILED:
                        lifecycle.fail_job(session, claim, "broken_picture", "it is broken")
            self.jobs[job_id].status = end
        if not dies:
            batch_actions.settle_batch(self.database, self.services.announce, batch_id)

    # Sweeper

    @rule()
    def sweep(self) -> None:
        sweeper.look_after_batches(self.sweeping)
        for batch_id, batch in list(self.model.items()):
            if batch.is_erased:
                self._forget(batch_id)
            elif batch.is_canceled and not batch.was_finished:
                self._cancel_active(batch)
        for batch_id, batch in self.model.items():
            found = self.find(batch_id)
            assert found is not None
            assert (found.finished_at is not None) == (not batch.is_open and self._is_idle(batch))

    def _is_idle(self, batch: ModelBatch) -> bool:
        return not any(self.jobs[job_id].status in _ACTIVE for job_id in batch.jobs.values())

    # What must hold

    def list_shown(self, status: JobStatus | None = None) -> list[UUID]:
        """Batches that weren't erased. status: only those that have such a job."""
        return [
            batch_id
            for batch_id, batch in self.model.items()
            if not batch.is_erased
            and (status is None or any(self.jobs[job_id].status is status for job_id in batch.jobs.values()))
        ]

    def choose_batch(self, number: int, status: JobStatus | None = None) -> UUID:
        shown = self.list_shown(status)
        return shown[number % len(shown)]

    def find(self, batch_id: UUID) -> Batch | None:
        with self.database.read() as session:
            return find_batch(session, batch_id)

    @invariant()
    def each_batch_is_what_its_moves_made_of_it(self) -> None:
        with self.database.read() as session:
            told = Counter(session.scalars(select(WebhookEvent.batch_id)))
            for batch_id, wanted in self.model.items():
                batch = find_batch(session, batch_id)
                assert (batch is None) == wanted.is_erased
                if batch is None:
                    continue
                progress = count_batch(session, batch)
                statuses = Counter(self.jobs[job_id].status for job_id in wanted.jobs.values())
                assert {status: getattr(progress, status.value) for status in JobStatus} == {
                    status: statuses[status] for status in JobStatus
                }
                assert (progress.refused, progress.total) == (
                    len(wanted.refused),
                    len(wanted.refused) + len(wanted.jobs),
                )
                photos = list_photos(session, batch_id, limit=1000)
                assert [read_position(photo) for photo in photos] == sorted(wanted.refused | wanted.jobs.keys())
                assert {read_position(each): each.id for each in photos if isinstance(each, Job)} == wanted.jobs
                assert (batch.closed_at is None) == wanted.is_open
                if batch.finished_at is not None:
                    assert not wanted.is_open
                    assert self._is_idle(wanted)
                    wanted.ends += not wanted.was_finished
                else:
                    assert not wanted.was_finished
                wanted.was_finished = batch.finished_at is not None
                assert told[batch_id] == wanted.ends
                if wanted.ends:
                    self._check_event(session, batch_id)

    @staticmethod
    def _check_event(session: Any, batch_id: UUID) -> None:
        latest = session.scalars(
            select(WebhookEvent).where(WebhookEvent.batch_id == batch_id).order_by(WebhookEvent.id.desc())
        ).first()
        assert latest is not None
        assert latest.data["id"] == str(batch_id)

    def teardown(self) -> None:
        """Once the jobs have ended, every closed batch is finished; and nothing of those that were erased is left."""
        for number in range(len(self.list_shown())):
            self.close(number)
        with self.database.write() as session:
            for job_id, job in self.jobs.items():
                if job.status in _ACTIVE:
                    lifecycle.cancel_job(session, job_id, actor=ANA)
                    job.status = JobStatus.CANCELED
        self.sweep()
        self.each_batch_is_what_its_moves_made_of_it()
        assert all(batch.was_finished for batch in self.model.values())
        while self.list_shown():
            self.erase(0, has_time=False)
        self.sweep()
        with self.database.read() as session:
            for table in (Batch, BatchCount, BatchRefusal, WebhookEvent):
                assert session.scalar(select(func.count()).select_from(table)) == 0
            assert session.scalar(select(func.count()).where(Job.batch_id.is_not(None))) == 0


@pytest.mark.timeout(TIMEOUT_S)
def test_batches_count_right_and_end_once_whatever_happens(database: Database, tmp_path: Path) -> None:
    run_machine(lambda: BatchMachine(database, tmp_path))
