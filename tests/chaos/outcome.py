"""Invariants at the end of a run."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import selectinload

from db.core.session import Database
from db.core.vocabulary import JobStatus
from db.tables import Job, WebhookDelivery, WebhookEvent
from tests.chaos.load import Receiver

_ENDED = {JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELED}
Faces = list[tuple[int, int, int, int, str]]


@dataclass
class Outcome:
    """Counts of a run, and what is wrong. Empty lists are good."""

    jobs: int = 0
    succeeded: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    attempts: int = 0
    lost: list[UUID] = field(default_factory=list)
    """Accepted and not ended, or not there."""
    double: list[UUID] = field(default_factory=list)
    """Ended more than once."""
    wrong: list[str] = field(default_factory=list)
    """Other faces than in a quiet run, or a failure that no fault explains."""
    unheard: list[UUID] = field(default_factory=list)
    """Ended without a callback that was taken."""
    many_ids: list[UUID] = field(default_factory=list)
    """With callbacks of more than one id."""

    @property
    def is_good(self) -> bool:
        return not (self.lost or self.double or self.wrong or self.unheard or self.many_ids)


def read_faces(job: Job) -> Faces:
    """Boxes and emotions, the same for the same photo and model."""
    return sorted((face.x, face.y, face.width, face.height, str(face.emotion)) for face in job.faces)


def read_jobs(database: Database, job_ids: list[UUID]) -> dict[UUID, Job]:
    """The jobs with their faces and events."""
    found: dict[UUID, Job] = {}
    for start in range(0, len(job_ids), 500):
        with database.read() as session:
            query = (
                select(Job)
                .where(Job.id.in_(job_ids[start : start + 500]))
                .options(selectinload(Job.faces), selectinload(Job.events))
            )
            found |= {job.id: job for job in session.scalars(query)}
    return found


def wait_for_end(database: Database, job_ids: list[UUID], receiver: Receiver, still_s: float) -> float:
    """Wait until every job has ended and every callback was taken, or until no job ended and no call came for `still_s` seconds.

    A slow machine may take long; what is stuck stands still. Returns the seconds until the last of them.
    """
    begin = last = time.monotonic()
    before = (-1, -1)
    while time.monotonic() - last < still_s:
        with database.read() as session:
            ended = session.scalar(select(func.count()).where(Job.status.in_(_ENDED))) or 0
        now = (ended, len(receiver.taken))
        if now != before:
            before, last = now, time.monotonic()
        if ended >= len(job_ids) and receiver.taken >= {str(job_id) for job_id in job_ids}:
            break
        time.sleep(1)
    return last - begin


def _describe_callback(database: Database, job_id: UUID) -> str:
    with database.read() as session:
        of_job = select(WebhookDelivery).join(WebhookDelivery.event).where(WebhookEvent.job_id == job_id)
        row = session.scalar(of_job.order_by(WebhookDelivery.id.desc()).limit(1))
        if row is None:
            return "no callback is known"
        return f"callback, attempt {row.attempt}: {row.state}, {row.status_code} {row.error}, due {row.due_at}"


def check_outcome(
    database: Database, jobs: Mapping[UUID, int], damaged: set[UUID], quiet: Mapping[int, Faces], receiver: Receiver
) -> Outcome:
    """Look at every accepted job. quiet: the faces of each photo by its number, of a run without faults."""
    found = read_jobs(database, list(jobs))
    outcome = Outcome(jobs=len(jobs))
    for job_id, photo in jobs.items():
        job = found.get(job_id)
        if job is None or job.status not in _ENDED:
            outcome.lost.append(job_id)
            continue
        outcome.attempts += job.attempt
        if sum(event.to_status in _ENDED for event in job.events) != 1:
            outcome.double.append(job_id)
        if job.status is JobStatus.SUCCEEDED:
            outcome.succeeded += 1
            if read_faces(job) != quiet[photo]:
                outcome.wrong.append(f"{job_id}: other faces, {read_faces(job)}")
        else:
            outcome.failed[str(job.error_code)] += 1
            if not (job_id in damaged and job.error_code == "blob_damaged"):
                outcome.wrong.append(f"{job_id}: {job.status} {job.error_code} {job.error_detail}")
        calls = receiver.ids.get(str(job_id), set())
        if len(calls) > 1:
            outcome.many_ids.append(job_id)
        if str(job_id) not in receiver.taken:
            outcome.unheard.append(job_id)
            outcome.wrong.append(f"{job_id}: {_describe_callback(database, job_id)}")
    return outcome
