"""Batches and their progress counts.

Progress is read without counting all jobs. The batch's row counts the photos sent and refused. A job that ends adds itself to one
of a few rows (lanes) in the same transaction. Running jobs are few enough to count. The remaining ones are queued.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from random import Random, SystemRandom
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CursorResult, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from db.core.errors import DomainError
from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import TERMINAL_STATUSES, JobStatus
from db.jobs.tables import Batch, BatchCount, BatchRefusal, Job
from db.webhooks.event_types import BATCH_FINISHED, BatchEventData
from db.webhooks.recording import record_event

LANES = 4
"""Rows that count the ended jobs of one batch, so that workers seldom wait for one another."""
MOST_PHOTOS = 100_000
"""Photos per batch."""

_chance = SystemRandom()


class UnknownBatch(DomainError):
    """There is no such batch, or it was erased."""

    code = "unknown_batch"
    status = HTTPStatus.NOT_FOUND
    title = "Unknown batch"
    meaning = "There is no batch with this id, or it was erased."


class BatchClosed(DomainError):
    """The batch is closed to further photos."""

    code = "batch_closed"
    status = HTTPStatus.CONFLICT
    title = "Batch closed"
    meaning = "The batch was closed or canceled, so no photos can be added."


class BatchFull(DomainError):
    """The batch has the maximum number of photos."""

    code = "batch_full"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "Batch full"
    meaning = f"A batch can have {MOST_PHOTOS:,} photos. None of these was added; open another batch."


@dataclass(frozen=True)
class RefusedPhoto:
    """A photo that was refused. code, detail: the reason, for programs and for people."""

    position: int
    filename: str | None
    code: str
    detail: str


@dataclass(frozen=True)
class BatchProgress:
    """How many photos of a batch are in which state. rate: ended photos per second since the batch was created; left_s: seconds
    until the rest has ended at that rate.

    Both None before the first has ended.
    """

    total: int
    queued: int
    running: int
    succeeded: int
    failed: int
    canceled: int
    refused: int
    rate: float | None
    left_s: float | None

    @property
    def ended(self) -> int:
        """Jobs that have ended."""
        return self.succeeded + self.failed + self.canceled

    @property
    def is_idle(self) -> bool:
        """Whether no job is queued or running."""
        return self.queued + self.running == 0


def create_batch(session: Session, batch_id: UUID, application_id: UUID, *, is_open: bool) -> Batch:
    """Store a batch without photos. is_open: whether photos can be added in further calls."""
    batch = Batch(id=batch_id, application_id=application_id, closed_at=None if is_open else utcnow())
    session.add(batch)
    session.flush()
    return batch


def take_positions(
    session: Session,
    batch_id: UUID,
    count: int,
    refused: Sequence[RefusedPhoto],
    *,
    is_new: bool,
    most_photos: int = MOST_PHOTOS,
) -> int:
    """Reserve `count` positions in a batch, including refused photos. Returns the first position.

    refused: their positions count from 0 within this call.
    is_new: whether this transaction created the batch.
    Raises UnknownBatch, BatchClosed or BatchFull.
    """
    conditions = () if is_new else (Batch.closed_at.is_(None), Batch.erased_at.is_(None))
    statement = (
        update(Batch)
        .where(Batch.id == batch_id, Batch.photo_count + count <= most_photos, *conditions)
        .values(photo_count=Batch.photo_count + count, refused_count=Batch.refused_count + len(refused))
        .execution_options(synchronize_session=False)
    )
    if cast("CursorResult[Any]", session.execute(statement)).rowcount != 1:
        _explain_refusal(session, batch_id, most_photos)
    first = (session.scalar(select(Batch.photo_count).where(Batch.id == batch_id)) or 0) - count
    session.add_all(
        BatchRefusal(
            batch_id=batch_id,
            position=first + photo.position,
            filename=photo.filename,
            code=photo.code,
            detail=photo.detail,
        )
        for photo in refused
    )
    return first


def _explain_refusal(session: Session, batch_id: UUID, most_photos: int) -> None:
    batch = session.get(Batch, batch_id, populate_existing=True)
    if batch is None or batch.erased_at is not None:
        raise UnknownBatch(f"there is no batch {batch_id}")
    if batch.closed_at is not None:
        raise BatchClosed("the batch is closed")
    raise BatchFull(f"the batch has {batch.photo_count:,} photos, and may have at most {most_photos:,}")


def count_ended(session: Session, batch_id: UUID, **changes: int) -> None:
    """Count jobs of a batch that ended or were erased, in the same transaction.

    changes: by how many `succeeded`, `failed`, `canceled`, `erased` increase or decrease.
    """
    count_in_lane(session, batch_id, changes, _chance)


def count_in_lane(session: Session, batch_id: UUID, changes: dict[str, int], chance: Random) -> None:
    """Like count_ended, in a lane chosen by `chance`."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    values = {"succeeded": 0, "failed": 0, "canceled": 0, "erased": 0} | changes
    statement = insert(BatchCount).values(batch_id=batch_id, lane=chance.randrange(LANES), **values)
    added = {name: getattr(BatchCount, name) + statement.excluded[name] for name in values}
    session.execute(statement.on_conflict_do_update(index_elements=[BatchCount.batch_id, BatchCount.lane], set_=added))


def count_batches(session: Session, batches: Sequence[Batch]) -> dict[UUID, BatchProgress]:
    """Return the progress of these batches, in two queries."""
    ids = [batch.id for batch in batches]
    sums = (BatchCount.succeeded, BatchCount.failed, BatchCount.canceled, BatchCount.erased)
    counted = {
        batch_id: numbers
        for batch_id, *numbers in session.execute(
            select(BatchCount.batch_id, *(func.sum(column) for column in sums))
            .where(BatchCount.batch_id.in_(ids))
            .group_by(BatchCount.batch_id)
        )
    }
    unfinished = [batch.id for batch in batches if batch.finished_at is None]
    running: dict[UUID | None, int] = {}
    if unfinished:
        # by the index on status: at most one job runs per worker process
        running = dict(
            session.execute(
                select(Job.batch_id, func.count())
                .where(Job.status == JobStatus.RUNNING, Job.batch_id.in_(unfinished))
                .group_by(Job.batch_id)
            ).all()
        )
    now = utcnow()
    return {
        batch.id: _make_progress(
            batch, [int(number) for number in counted.get(batch.id, (0, 0, 0, 0))], running.get(batch.id, 0), now
        )
        for batch in batches
    }


def count_batch(session: Session, batch: Batch) -> BatchProgress:
    """Return the progress of one batch."""
    return count_batches(session, [batch])[batch.id]


def _make_progress(batch: Batch, numbers: Sequence[int], running: int, now: datetime) -> BatchProgress:
    succeeded, failed, canceled, erased = numbers
    ended = succeeded + failed + canceled
    active = max(0, batch.photo_count - batch.refused_count - erased - ended)
    running = min(running, active)
    passed_s = ((batch.finished_at or now) - batch.created_at).total_seconds()
    rate = ended / passed_s if ended and passed_s > 0 else None
    return BatchProgress(
        total=batch.photo_count - erased,
        queued=active - running,
        running=running,
        succeeded=succeeded,
        failed=failed,
        canceled=canceled,
        refused=batch.refused_count,
        rate=rate,
        left_s=None if rate is None or batch.finished_at is not None else active / rate,
    )


def finish_batch(database: Database, batch_id: UUID) -> bool:
    """Finish a closed batch whose jobs have all ended, and record its event. Returns whether this call did it.

    Call it after the commit that ended a job: of two jobs that end at the same time, the later call sees both. The sweeper calls it
    after crashes.
    """
    with database.read() as session:
        batch = session.get(Batch, batch_id)
        if batch is None or batch.closed_at is None or batch.finished_at is not None:
            return False
        if not count_batch(session, batch).is_idle:
            return False
    with database.write() as session:
        statement = (
            update(Batch)
            .where(Batch.id == batch_id, Batch.closed_at.is_not(None), Batch.finished_at.is_(None))
            .values(finished_at=utcnow())
        )
        if cast("CursorResult[Any]", session.execute(statement)).rowcount != 1:
            return False
        batch = session.get_one(Batch, batch_id, populate_existing=True)
        progress = count_batch(session, batch)
        if not progress.is_idle:  # its failed photos were submitted again in the meantime
            batch.finished_at = None
            return False
        record_batch_finished(session, batch, progress)
    return True


def record_batch_finished(session: Session, batch: Batch, progress: BatchProgress) -> None:
    """Record the webhook event of a finished batch."""
    data = BatchEventData(
        id=batch.id,
        succeeded=progress.succeeded,
        failed=progress.failed,
        canceled=progress.canceled,
        refused=progress.refused,
    )
    record_event(session, BATCH_FINISHED, data, application_id=batch.application_id, batch_id=batch.id)


def find_batch(session: Session, batch_id: UUID, application_id: UUID | None = None) -> Batch | None:
    """Return the batch, or None. application_id: only among that application's batches."""
    statement = select(Batch).where(Batch.id == batch_id, Batch.erased_at.is_(None))
    if application_id is not None:
        statement = statement.where(Batch.application_id == application_id)
    return session.scalar(statement)


def list_batches(
    session: Session, application_id: UUID | None, *, limit: int, before: UUID | None = None
) -> Sequence[Batch]:
    """List at most `limit` batches, newest first. application_id: None for all. before: the last batch of the previous page."""
    statement = select(Batch).where(Batch.erased_at.is_(None)).order_by(Batch.id.desc()).limit(limit)
    if application_id is not None:
        statement = statement.where(Batch.application_id == application_id)
    if before is not None:
        statement = statement.where(Batch.id < before)
    return session.scalars(statement).all()


def list_photos(session: Session, batch_id: UUID, *, limit: int, after: int = -1) -> list[Job | BatchRefusal]:
    """List at most `limit` photos of a batch by position, after `after`: jobs without faces, and refusals."""
    jobs: Iterable[Job | BatchRefusal] = session.scalars(
        select(Job)
        .where(Job.batch_id == batch_id, Job.batch_position > after)
        .order_by(Job.batch_position)
        .limit(limit)
    )
    refusals: Iterable[Job | BatchRefusal] = session.scalars(
        select(BatchRefusal)
        .where(BatchRefusal.batch_id == batch_id, BatchRefusal.position > after)
        .order_by(BatchRefusal.position)
        .limit(limit)
    )
    return sorted([*jobs, *refusals], key=read_position)[:limit]


def read_position(photo: Job | BatchRefusal) -> int:
    """Return a photo's position in the batch, from 0."""
    return (photo.batch_position or 0) if isinstance(photo, Job) else photo.position


def lock_active_jobs(session: Session, batch_id: UUID, made_before: datetime, limit: int) -> Sequence[UUID]:
    """Lock a batch's active jobs that were created before `made_before`, until the transaction ends.

    All are locked before the first one is counted. Workers also lock their job before its batch's count, so that neither waits for
    the other.
    """
    return session.scalars(
        select(Job.id)
        .where(Job.batch_id == batch_id, Job.status.not_in(TERMINAL_STATUSES), Job.created_at <= made_before)
        .order_by(Job.id)
        .limit(limit)
        .with_for_update()
    ).all()


def list_unsettled(session: Session, limit: int) -> Sequence[Batch]:
    """List closed batches that aren't finished, and batches being erased, for the sweeper."""
    closed = select(Batch).where(Batch.finished_at.is_(None), Batch.closed_at.is_not(None)).limit(limit)
    erased = select(Batch).where(Batch.erased_at.is_not(None)).limit(limit)
    return list({batch.id: batch for batch in (*session.scalars(closed), *session.scalars(erased))}.values())
