"""Jobs and batches under random sequences of all that may happen to them, on both databases.

Messages are lost, come twice and late; workers fall silent, come back late with their result, and give back; people cancel,
try again and erase. Whatever happens, each job ends exactly once, and only the newest claim writes.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule
from sqlalchemy import func, select, update
from uuid_utils.compat import uuid7

from db.accounts import api_keys
from db.core.blobs import BlobStore, make_photo_key
from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import TERMINAL_STATUSES, Detector, JobStatus, Priority
from db.faces.tables import Face
from db.jobs import actions, lifecycle, sweeping
from db.jobs.batches import RefusedPhoto, count_batch, find_batch
from db.jobs.idempotency import IdempotencyConflict, Repeatable
from db.jobs.lifecycle import Claim, NewJob, Outcome
from db.jobs.queries import get_job
from db.jobs.room import QueueRoom
from db.jobs.services import JobServices
from db.jobs.states import InvalidTransition
from db.jobs.submission import NewBatch, submit_batch, submit_job
from db.jobs.tables import Job, JobEvent
from db.model_versions import actions as model_versions
from emoscope.settings import Settings
from tests.stateful.machines import TIMEOUT_S, let_pass, refused_unless, run_machine
from tests.support.databases import empty_tables
from tests.support.factories.actors import ANA
from tests.support.factories.faces import make_new_face
from tests.support.factories.jobs import make_new_job
from tests.support.factories.model_versions import make_manifest
from worker.housekeeping import lost_messages, sweeper

LEASE_S = 3600
"""Longer than a sequence takes on a busy machine."""
PHOTO = b"a photo"
KEYS = ("a", "b")
_END_ROUNDS = 150
"""More sweeps than any job has attempts."""


@dataclass
class ModelJob:
    """What the job must be."""

    max_attempts: int
    has_deadline: bool
    status: JobStatus = JobStatus.QUEUED
    attempt: int = 0
    faces: int = 0
    is_expired: bool = False
    """Its lease has run out."""
    is_overdue: bool = False
    batch_id: UUID | None = None

    @property
    def has_ended(self) -> bool:
        return self.status in TERMINAL_STATUSES


@dataclass
class Queue:
    """Carries ids, and may lose them."""

    messages: list[UUID] = field(default_factory=list)
    is_away: bool = False

    def send(self, job_id: UUID, _priority: Priority) -> bool:
        if not self.is_away:
            self.messages.append(job_id)
        return not self.is_away


class JobMachine(RuleBasedStateMachine):
    """The rules are what clients, workers, the queue and the sweeper may do at any moment."""

    jobs = Bundle("jobs")
    claims = Bundle("claims")

    def __init__(self, database: Database, folder: Path) -> None:
        super().__init__()
        self.database = database
        empty_tables(database)
        self.blobs = BlobStore(str(folder))
        self.queue = Queue()
        self.model: dict[UUID, ModelJob] = {}
        self.keys: dict[str, tuple[str, UUID]] = {}
        with database.write() as session:
            self.application_id = api_keys.ensure_application(session, "test").id
            self.version_id = model_versions.add_version(session, "v", "d" * 64, make_manifest()).id
        self.services = JobServices(
            database=database,
            blobs=self.blobs,
            send=self.queue.send,
            announce=lambda _job_id: None,
            ask_for_fetches=lambda _count: None,
            room=QueueRoom(1000),
            idempotency_retention_s=3600,
            photo_retention_s=60,
            max_attempts=2,
            worker_heartbeat_s=5,
            configured_detectors=frozenset(Detector),
        )
        settings = Settings(_env_file=None, resend_after_s=1)
        self.sweeping: Any = SimpleNamespace(
            database=database,
            blobs=self.blobs,
            announce=lambda _job_id: None,
            redis=None,
            settings=settings,
            next_look_at=0.0,
        )

    def make_new(
        self, max_attempts: int, *, has_deadline: bool, batch_id: UUID | None = None, position: int = 0
    ) -> NewJob:
        return make_new_job(
            self.application_id,
            id=uuid7(),
            photo_sha256=hashlib.sha256(PHOTO).hexdigest(),
            photo_bytes=len(PHOTO),
            max_attempts=max_attempts,
            deadline_s=3600 if has_deadline else None,
            callback_url="https://example.com/done",
            batch_id=batch_id,
            batch_position=position if batch_id else None,
        )

    # Clients

    @rule(target=jobs, max_attempts=st.integers(1, 3), has_deadline=st.booleans())
    def submit(self, max_attempts: int, *, has_deadline: bool) -> UUID:
        new = self.make_new(max_attempts, has_deadline=has_deadline)
        assert submit_job(self.services, new, PHOTO, actor=ANA).is_new
        self.model[new.id] = ModelJob(max_attempts, has_deadline)
        return new.id

    @rule(target=jobs, key=st.sampled_from(KEYS), fingerprint=st.sampled_from(("one", "two")))
    def submit_again(self, key: str, fingerprint: str) -> Any:
        """The same key makes one job; another request under it is refused."""
        new = self.make_new(2, has_deadline=False)
        known = self.keys.get(key)
        with refused_unless(known is None or known[0] == fingerprint, IdempotencyConflict):
            done = submit_job(self.services, new, PHOTO, actor=ANA, repeatable=Repeatable(key, fingerprint))
            assert (done.is_new, done.id) == ((True, new.id) if known is None else (False, known[1]))
            if known is None:
                self.keys[key] = (fingerprint, new.id)
                self.model[new.id] = ModelJob(2, has_deadline=False)
                return new.id
        assert not self.blobs.has(make_photo_key(new.id))
        return multiple()

    @rule(target=jobs, count=st.integers(1, 3), refused=st.integers(0, 1))
    def submit_batch(self, count: int, refused: int) -> Any:
        batch = NewBatch(
            uuid7(),
            self.application_id,
            [RefusedPhoto(count + place, None, "not_a_picture", "no") for place in range(refused)],
        )
        new = [self.make_new(2, has_deadline=False, batch_id=batch.id, position=place) for place in range(count)]
        photos = [(each, lambda: PHOTO) for each in new]
        assert submit_batch(self.services, batch, photos, actor=ANA).id == batch.id
        self.model |= {each.id: ModelJob(2, has_deadline=False, batch_id=batch.id) for each in new}
        return multiple(*(each.id for each in new))

    @rule(job_id=jobs)
    def cancel(self, job_id: UUID) -> None:
        job = self.model.get(job_id)
        with refused_unless(job is not None and not job.has_ended, InvalidTransition):
            with self.database.write() as session:
                lifecycle.cancel_job(session, job_id, actor=ANA)
            assert job is not None
            job.status = JobStatus.CANCELED

    @rule(target=jobs, job_id=jobs)
    def retry(self, job_id: UUID) -> Any:
        found = self.read(job_id)
        if found is None:
            return multiple()
        new_id = actions.retry_job(self.services, found, actor=ANA, is_owner=False)
        self.model[new_id] = ModelJob(2, has_deadline=False)
        return new_id

    @rule(job_id=consumes(jobs))
    def erase(self, job_id: UUID) -> None:
        found = self.read(job_id)
        assert (found is None) == (job_id not in self.model)
        if found is not None:
            actions.erase_job(self.services, found, actor=ANA)
            del self.model[job_id]
            self.keys = {key: known for key, known in self.keys.items() if known[1] != job_id}

    # Queue

    @rule(is_away=st.booleans())
    def lose_the_queue(self, *, is_away: bool) -> None:
        self.queue.messages.clear()
        self.queue.is_away = is_away

    @rule(job_id=jobs)
    def deliver_twice(self, job_id: UUID) -> None:
        self.queue.messages.append(job_id)

    # Workers

    @rule(target=claims, place=st.integers(0, 30), lease_s=st.sampled_from((LEASE_S, -1)))
    def take_message(self, place: int, lease_s: float) -> Any:
        """lease_s: one that has run out stands for a worker that falls silent at once."""
        if not self.queue.messages:
            return multiple()
        job_id = self.queue.messages.pop(place % len(self.queue.messages))
        job = self.model.get(job_id)
        can = job is not None and job.status is JobStatus.QUEUED and (not job.is_overdue or job.attempt > 0)
        with refused_unless(can, InvalidTransition):
            with self.database.write() as session:
                _, claim = lifecycle.claim_job(session, job_id, "w", lease_s)
            assert job is not None
            job.status, job.attempt, job.is_expired = JobStatus.RUNNING, job.attempt + 1, lease_s < 0
            assert claim.attempt == job.attempt
            return claim
        return multiple()

    def holds(self, claim: Claim) -> bool:
        job = self.model.get(claim.job_id)
        return job is not None and job.status is JobStatus.RUNNING and job.attempt == claim.attempt

    @rule(claim=claims, faces=st.integers(0, 2))
    def finish(self, claim: Claim, faces: int) -> None:
        found = tuple(
            make_new_face(self.version_id, (0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1), x=20 * place) for place in range(faces)
        )
        with refused_unless(self.holds(claim), InvalidTransition):
            with self.database.write() as session:
                lifecycle.finish_job(session, claim, Outcome(10, 10, found))
            job = self.model[claim.job_id]
            job.status, job.faces = JobStatus.SUCCEEDED, faces

    @rule(claim=claims)
    def fail(self, claim: Claim) -> None:
        with refused_unless(self.holds(claim), InvalidTransition):
            with self.database.write() as session:
                lifecycle.fail_job(session, claim, "broken_picture", "it is broken")
            self.model[claim.job_id].status = JobStatus.FAILED

    @rule(claim=claims, is_outage=st.booleans())
    def give_back(self, claim: Claim, *, is_outage: bool) -> None:
        with refused_unless(self.holds(claim), InvalidTransition):
            with self.database.write() as session:
                lifecycle.give_back_job(session, claim, ANA, "no photo", "photo_unreadable", is_outage=is_outage)
            job = self.model[claim.job_id]
            self.lose_attempt(job, is_outage=is_outage)

    @rule(claim=claims)
    def renew(self, claim: Claim) -> None:
        with self.database.write() as session:
            assert lifecycle.renew_lease(session, claim, LEASE_S) == self.holds(claim)
        if self.holds(claim):
            self.model[claim.job_id].is_expired = False

    @rule(claim=claims)
    def fall_silent(self, claim: Claim) -> None:
        with self.database.write() as session:
            is_running = sweeping.expire_lease(session, claim.job_id, lambda _worker: True)
        job = self.model.get(claim.job_id)
        assert is_running == (job is not None and job.status is JobStatus.RUNNING)
        if job is not None and is_running:
            job.is_expired = True

    # Sweeper

    @rule()
    def pass_deadlines(self) -> None:
        let_pass(self.database, Job.deadline_at)
        for job in self.model.values():
            job.is_overdue = job.has_deadline

    @rule()
    def sweep(self) -> None:
        sent = {str(job_id) for job_id in self.queue.messages}
        with (
            patch.object(sweeper, "send_job", self.queue.send),
            patch.object(lost_messages, "send_job", self.queue.send),
            patch.object(lost_messages, "list_sent", lambda _client: sent),
        ):
            sweeper.take_back_expired(self.sweeping)
            sweeper.cancel_overdue(self.sweeping)
            with self.database.write() as session:  # all messages were sent long ago, also those of jobs that are new
                session.execute(update(Job).values(sent_at=utcnow() - timedelta(seconds=5)))
            lost_messages.resend_lost(self.sweeping)
        for job in self.model.values():
            if job.status is JobStatus.RUNNING and job.is_expired:
                self.lose_attempt(job)
            if job.status is JobStatus.QUEUED and job.is_overdue and job.attempt == 0:
                job.status = JobStatus.CANCELED

    @staticmethod
    def lose_attempt(job: ModelJob, *, is_outage: bool = False) -> None:
        limit = lifecycle.OUTAGE_ATTEMPTS if is_outage else job.max_attempts
        job.status = JobStatus.FAILED if job.attempt >= limit else JobStatus.QUEUED
        job.max_attempts += int(is_outage and job.status is JobStatus.QUEUED)

    # What must hold

    def read(self, job_id: UUID) -> Job | None:
        with self.database.read() as session:
            return get_job(session, job_id)

    @invariant()
    def every_job_is_what_its_moves_made_of_it(self) -> None:
        with self.database.read() as session:
            jobs = {job.id: job for job in session.scalars(select(Job))}
            events = session.scalars(select(JobEvent).order_by(JobEvent.id)).all()
            faces = Counter(session.scalars(select(Face.job_id)))
        assert jobs.keys() == self.model.keys()
        assert {event.job_id for event in events} == jobs.keys()
        for job_id, wanted in self.model.items():
            job = jobs[job_id]
            assert (job.status, job.attempt) == (wanted.status, wanted.attempt)
            moves = [event for event in events if event.job_id == job_id]
            assert [event.from_status for event in moves] == [None, *(event.to_status for event in moves[:-1])]
            assert moves[-1].to_status is job.status
            assert sum(event.to_status in TERMINAL_STATUSES for event in moves) == int(wanted.has_ended)
            assert (job.finished_at is not None) == wanted.has_ended
            assert (job.lease_expires_at is not None) == (job.status is JobStatus.RUNNING)
            assert faces[job_id] == wanted.faces
            assert job.face_count == (wanted.faces if job.status is JobStatus.SUCCEEDED else None)
            assert (job.error_code is not None) == (
                job.status is JobStatus.FAILED
                or (job.status is JobStatus.CANCELED and job.error_code == "deadline_passed")
            )
            assert job.photo_key is not None

    @invariant()
    def a_batch_counts_its_jobs(self) -> None:
        for batch_id in {job.batch_id for job in self.model.values() if job.batch_id is not None}:
            with self.database.read() as session:
                batch = find_batch(session, batch_id)
                assert batch is not None
                counts = count_batch(session, batch)
            wanted = Counter(job.status for job in self.model.values() if job.batch_id == batch_id)
            assert {status: getattr(counts, status.value) for status in JobStatus} == {
                status: wanted[status] for status in JobStatus
            }

    def teardown(self) -> None:
        """Once all works again, every job ends, and nothing of those that were erased is left."""
        self.queue.is_away = False
        for _ in range(_END_ROUNDS):
            if all(job.has_ended for job in self.model.values()):
                break
            let_pass(self.database, Job.lease_expires_at)
            for job in self.model.values():
                job.is_expired = True
            self.sweep()
            while self.queue.messages:
                self.finish_next()
        assert all(job.has_ended for job in self.model.values()), self.model
        self.every_job_is_what_its_moves_made_of_it()
        for job_id in list(self.model):
            self.erase(job_id)
        with self.database.read() as session:
            for table in (Job, JobEvent, Face):
                assert session.scalar(select(func.count()).select_from(table)) == 0
        assert list(self.blobs.list_older("photos/", -60)) == []

    def finish_next(self) -> None:
        claim = self.take_message(0, LEASE_S)
        if isinstance(claim, Claim):
            self.finish(claim, 1)


@pytest.mark.timeout(TIMEOUT_S)
def test_jobs_end_exactly_once_whatever_happens(database: Database, tmp_path: Path) -> None:
    run_machine(lambda: JobMachine(database, tmp_path))
