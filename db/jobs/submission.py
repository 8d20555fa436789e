"""Submission of photos, single or as a batch: photo stored, row committed, message sent, in this order.

A crash after the first step leaves a photo without a job, never a job without a photo. After a crash following the second, the
sweeper sends the job's message.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TypeVar
from uuid import UUID

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from db.core.actors import Actor
from db.core.blobs import BlobStoreUnavailable
from db.core.errors import DomainError
from db.core.full_disk import is_disk_full
from db.core.vocabulary import Detector
from db.jobs.batches import RefusedPhoto, create_batch, take_positions
from db.jobs.idempotency import (
    EarlierSubmission,
    IdempotencyConflict,
    Repeatable,
    find_submission,
    remember_submission,
)
from db.jobs.lifecycle import NewJob, create_job
from db.jobs.services import JobServices
from db.jobs.tables import Job
from db.monitoring.heartbeats import find_available_detectors

log = structlog.get_logger(__name__)

QUEUE_FULL_RETRY_S = 10

ReadPhoto = Callable[[], bytes]
Source = TypeVar("Source", Connection, Session)


class DetectorMissing(DomainError):
    """No worker has what the detector needs."""

    code = "detector_unavailable"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "Detector unavailable"
    meaning = "No worker has what the detector needs: a package, or `EMOSCOPE_YUNET_WEIGHTS`."


class QueueFull(DomainError):
    """The maximum number of jobs is queued."""

    code = "queue_full"
    status = HTTPStatus.TOO_MANY_REQUESTS
    title = "Queue full"
    meaning = "The queue is full (`EMOSCOPE_MAX_QUEUED_JOBS`). `Retry-After` says how many seconds to wait before trying again."
    retry_after_s = 10


@dataclass(frozen=True, slots=True)
class Quota:
    """A quota for submissions. take: called with the number of photos before any is stored; raises if there are too many.

    give_back: called with the same number if none of them became a job.
    """

    take: Callable[[int], None]
    give_back: Callable[[int], None]


UNLIMITED = Quota(lambda _: None, lambda _: None)


@dataclass(frozen=True, slots=True)
class NewBatch:
    """A new batch, or photos for an open one.

    refused: photos that were refused; their positions count within this call.
    is_open: whether photos can be added in further calls.
    is_there: whether the batch exists already.
    """

    id: UUID
    application_id: UUID
    refused: Sequence[RefusedPhoto]
    is_open: bool = False
    is_there: bool = False


@dataclass(frozen=True, slots=True)
class Submitted:
    """Result of a submission. id: of the job or batch. is_new: False if an earlier request with the same key created it.

    first_position, count: of this call's photos in a batch, including refused ones.
    job: the stored row of a new job.
    """

    id: UUID
    is_new: bool
    first_position: int = 0
    count: int = 1
    job: Job | None = None


def submit_job(
    services: JobServices,
    new: NewJob,
    data: bytes,
    *,
    actor: Actor,
    repeatable: Repeatable | None = None,
    quota: Quota = UNLIMITED,
) -> Submitted:
    """Create a job for a photo, or return the one that the same request created before.

    data: the photo's bytes; empty if it is to be fetched.
    repeatable: the client's idempotency key, if any.
    quota: charged unless the submission is repeated or refused.
    Raises IdempotencyConflict, QueueFull, BlobStoreUnavailable, and what `quota.take` raises.
    """
    try:
        photos, transaction = [(new, lambda: data)], services.database.write_rows()
        with _submission(services, photos, None, repeatable, quota, transaction) as connection:
            job = create_job(connection, _mark(services, new), actor=actor)
    except _MadeBefore as earlier:
        if earlier.job_id is None:
            raise IdempotencyConflict("this Idempotency-Key was used before for a batch") from None
        return Submitted(earlier.job_id, is_new=False)
    _send(services, [new])
    return Submitted(new.id, is_new=True, job=job)


def submit_batch(
    services: JobServices,
    batch: NewBatch,
    photos: Sequence[tuple[NewJob, ReadPhoto]],
    *,
    actor: Actor,
    repeatable: Repeatable | None = None,
    quota: Quota = UNLIMITED,
) -> Submitted:
    """Create a batch of photos or add them to one, or return the one that the same request created before.

    photos: the job of each accepted photo, with a function that reads its bytes; one photo is in memory at a time. A photo to be
    fetched has no bytes. Raises as submit_job does, and UnknownBatch, BatchClosed, BatchFull.
    """
    count = len(photos) + len(batch.refused)
    try:
        with _submission(services, photos, batch, repeatable, quota, services.database.write()) as session:
            if not batch.is_there:
                create_batch(session, batch.id, batch.application_id, is_open=batch.is_open)
            first = take_positions(session, batch.id, count, batch.refused, is_new=not batch.is_there)
            for new, _ in photos:
                placed = replace(new, batch_position=first + (new.batch_position or 0))
                create_job(session, _mark(services, placed), actor=actor)
    except _MadeBefore as earlier:
        if earlier.batch_id is None:
            raise IdempotencyConflict("this Idempotency-Key was used before for a single photo") from None
        return Submitted(earlier.batch_id, is_new=False)
    _send(services, [new for new, _ in photos])
    return Submitted(batch.id, is_new=True, first_position=first, count=count)


def _mark(services: JobServices, new: NewJob) -> NewJob:
    """Add the request's id and trace to the new job."""
    return replace(new, request_id=services.request_id, traceparent=services.traceparent)


class _MadeBefore(Exception):
    """An earlier request with the same key created job_id or batch_id."""

    def __init__(self, earlier: EarlierSubmission) -> None:
        super().__init__()
        self.job_id, self.batch_id = earlier.job_id, earlier.batch_id


@contextmanager
def _submission(
    services: JobServices,
    photos: Sequence[tuple[NewJob, ReadPhoto]],
    batch: NewBatch | None,
    repeatable: Repeatable | None,
    quota: Quota,
    transaction: AbstractContextManager[Source],
) -> Iterator[Source]:
    """Store the photos, and open the transaction that creates their jobs. Raises as submit_batch does, and _MadeBefore.

    transaction: not open yet; committed at the end of the block.
    After an error no photo is left behind and nothing is charged to the quota.
    """
    application_id = batch.application_id if batch else photos[0][0].application_id
    _refuse_repeated(services, application_id, repeatable)
    for detector in {new.detector for new, _ in photos} - {None}:
        require_detector(services, detector)
    _require_room(services, len(photos))
    quota.take(len(photos))
    stored, are_stored = list[NewJob](), False
    try:
        for new, read in photos:
            if new.photo_key is not None:
                services.blobs.put(new.photo_key, read())
                stored.append(new)
        are_stored = True
        with transaction as source:
            _refuse_repeated_in(source, application_id, repeatable)
            yield source
            if repeatable is not None:
                remember_submission(
                    source,
                    application_id,
                    repeatable,
                    retention_s=services.idempotency_retention_s,
                    job_id=None if batch else photos[0][0].id,
                    batch_id=batch.id if batch else None,
                )
    except Exception as error:
        quota.give_back(len(photos))
        # A refusal comes before the commit, and a full disk prevents it, so these photos can be deleted; on a full disk they
        # would take the last space. After other errors the commit may have happened: the sweeper looks for photos without a job.
        is_refusal = isinstance(error, DomainError | _MadeBefore)
        if not are_stored or is_refusal or (isinstance(error, DBAPIError) and is_disk_full(error)):
            _discard_photos(services, stored)
        elif isinstance(error, IntegrityError):  # the key: another request stored it between our look-up and our commit
            try:
                _refuse_repeated(services, application_id, repeatable)
            except _MadeBefore:
                _discard_photos(services, stored)
                raise
        raise


def _refuse_repeated(services: JobServices, application_id: UUID, repeatable: Repeatable | None) -> None:
    """Raise _MadeBefore if an earlier request with the same key exists."""
    if repeatable is not None:
        with services.database.look_up() as connection:
            _refuse_repeated_in(connection, application_id, repeatable)


def _refuse_repeated_in(source: Connection | Session, application_id: UUID, repeatable: Repeatable | None) -> None:
    earlier = None if repeatable is None else find_submission(source, application_id, repeatable)
    if earlier is not None:
        raise _MadeBefore(earlier)


def _send(services: JobServices, made: Sequence[NewJob]) -> None:
    """Send messages for the analysis, and for the fetch of photos that aren't here yet."""
    to_fetch = sum(new.photo_key is None for new in made)
    if to_fetch:
        services.ask_for_fetches(to_fetch)
    for new in made:
        if new.photo_key is not None and not services.send(new.id, new.priority):
            break  # the others would wait for the same queue; the sweeper sends them


def list_detectors(services: JobServices) -> frozenset[Detector]:
    """List the detectors that a job may use: those that live workers report, or those that the settings allow if no worker reports
    any.
    """
    with services.database.read() as session:
        found = find_available_detectors(session, services.worker_heartbeat_s)
    return services.configured_detectors if found is None else found


def require_detector(services: JobServices, detector: Detector | None) -> None:
    """Raise DetectorMissing if no worker has the detector."""
    if detector not in list_detectors(services):
        raise DetectorMissing(
            f"no worker has what the detector {detector} needs; `emoscope doctor` says what is missing"
        )


def _require_room(services: JobServices, wanted: int) -> None:
    if not services.room.take(services.database, wanted):
        limit = services.room.max_queued_jobs
        raise QueueFull(f"at most {limit:,} jobs may be queued, and {wanted:,} more would be too many; try again later")


def _discard_photos(services: JobServices, stored: Iterable[NewJob]) -> None:
    """Delete stored photos that became no jobs."""
    for new in stored:
        assert new.photo_key is not None
        try:
            services.blobs.delete(new.photo_key)
        except BlobStoreUnavailable as error:
            log.warning("photo_left_behind", photo_key=new.photo_key, reason=str(error))
