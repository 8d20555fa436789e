"""Submitting photos, alone or as a batch: photo stored, row committed, message sent, in this order.

A crash after the first step leaves a photo without a job, never a job without a photo; a crash after the second leaves a job
that the sweeper sends.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from db.core.actors import Actor
from db.core.blobs import BlobStoreUnavailable
from db.core.errors import DomainError
from db.core.full_disk import is_disk_full
from db.core.vocabulary import Detector
from db.jobs.batches import BatchClosed, BatchFull, UnknownBatch, create_batch, take_positions
from db.jobs.idempotency import IdempotencyConflict, Repeatable, find_submission, remember_submission
from db.jobs.lifecycle import NewJob, create_job
from db.jobs.services import JobServices
from db.jobs.tables import IdempotencyKey
from db.monitoring.heartbeats import find_available_detectors

log = structlog.get_logger(__name__)

QUEUE_FULL_RETRY_S = 10

ReadPhoto = Callable[[], bytes]


class DetectorMissing(DomainError):
    """No worker has what the detector needs."""

    code = "detector_unavailable"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "Detector unavailable"
    meaning = "No worker has what the detector needs: a package, or `EMOSCOPE_YUNET_WEIGHTS`."


class QueueFull(DomainError):
    """So many jobs wait that no more are taken now."""

    code = "queue_full"
    status = HTTPStatus.TOO_MANY_REQUESTS
    title = "Queue full"
    meaning = "The queue is full (`EMOSCOPE_MAX_QUEUED_JOBS`). `Retry-After` says how many seconds to wait before trying again."
    retry_after_s = 10


@dataclass(frozen=True, slots=True)
class Quota:
    """How many photos may be submitted. take: called with their number before any is stored; raises if they are too many.

    give_back: called with the same number if none of them became a job.
    """

    take: Callable[[int], None]
    give_back: Callable[[int], None]


UNLIMITED = Quota(lambda _: None, lambda _: None)


@dataclass(frozen=True, slots=True)
class NewBatch:
    """What a batch is made from, or what is added to one that is open.

    refused: position, filename, code and detail of each photo that is no job of it. Positions count the photos of this call.
    is_open: whether it takes photos in further calls. is_there: whether an open batch of this id is there already.
    """

    id: UUID
    application_id: UUID
    refused: Sequence[dict[str, Any]]
    is_open: bool = False
    is_there: bool = False


@dataclass(frozen=True, slots=True)
class Submitted:
    """What came of a submission. id: of the job or batch. is_new: False if the same request made it before.

    first_position, count: of the photos of this call in a batch, refused ones among them.
    """

    id: UUID
    is_new: bool
    first_position: int = 0
    count: int = 1


def submit_job(
    services: JobServices,
    new: NewJob,
    data: bytes,
    *,
    actor: Actor,
    repeatable: Repeatable | None = None,
    quota: Quota = UNLIMITED,
) -> Submitted:
    """Make a job of a photo, or find the one that the same request made before.

    data: the photo's bytes; none where it is to be fetched. repeatable: the client's idempotency key, if it sent one.
    quota: what the submission takes from, unless it is repeated or refused.
    Raises IdempotencyConflict, QueueFull, BlobStoreUnavailable, and what `quota.take` raises.
    """
    earlier = _find_earlier(services, new.application_id, repeatable)
    if earlier is None:
        earlier, _ = _store_within(quota, services, [(new, lambda: data)], None, actor, repeatable)
    if earlier is None:
        return Submitted(new.id, is_new=True)
    if earlier.job_id is None:
        raise IdempotencyConflict("this Idempotency-Key was used before for a batch")
    return Submitted(earlier.job_id, is_new=False)


def submit_batch(
    services: JobServices,
    batch: NewBatch,
    photos: Sequence[tuple[NewJob, ReadPhoto]],
    *,
    actor: Actor,
    repeatable: Repeatable | None = None,
    quota: Quota = UNLIMITED,
) -> Submitted:
    """Make a batch of photos or add them to one, or find the one that the same request made before.

    photos: each accepted photo's job, and what reads its bytes; one photo is in memory at a time. What is to be fetched has none.
    Raises as submit_job does, and UnknownBatch, BatchClosed, BatchFull.
    """
    first = 0
    earlier = _find_earlier(services, batch.application_id, repeatable)
    if earlier is None:
        earlier, first = _store_within(quota, services, photos, batch, actor, repeatable)
    if earlier is None:
        return Submitted(batch.id, is_new=True, first_position=first, count=len(photos) + len(batch.refused))
    if earlier.batch_id is None:
        raise IdempotencyConflict("this Idempotency-Key was used before for a single photo")
    return Submitted(earlier.batch_id, is_new=False)


def _find_earlier(services: JobServices, application_id: UUID, repeatable: Repeatable | None) -> IdempotencyKey | None:
    if repeatable is None:
        return None
    # a writing transaction, because a key whose time is over is deleted on the way
    with services.database.write() as session:
        return find_submission(session, application_id, repeatable)


def _store_within(
    quota: Quota,
    services: JobServices,
    photos: Sequence[tuple[NewJob, ReadPhoto]],
    batch: NewBatch | None,
    actor: Actor,
    repeatable: Repeatable | None,
) -> tuple[IdempotencyKey | None, int]:
    """Do as _store_and_send does, at the expense of a quota."""
    quota.take(len(photos))
    try:
        earlier, first = _store_and_send(services, photos, batch, actor, repeatable)
    except Exception:
        quota.give_back(len(photos))
        raise
    if earlier is not None:
        quota.give_back(len(photos))
    return earlier, first


def _store_and_send(
    services: JobServices,
    photos: Sequence[tuple[NewJob, ReadPhoto]],
    batch: NewBatch | None,
    actor: Actor,
    repeatable: Repeatable | None,
) -> tuple[IdempotencyKey | None, int]:
    """Returns the submission of another request with the same key that was quicker, or None and the position of the first photo."""
    for detector in {new.detector for new, _ in photos} - {None}:
        _require_detector(services, detector)
    _require_room(services, len(photos))
    stored: list[NewJob] = []
    try:
        for new, read in photos:
            if new.photo_key is not None:
                services.blobs.put(new.photo_key, read())
            stored.append(new)
    except Exception:
        _discard_photos(services, stored)
        raise
    try:
        quicker, first = _commit(services, stored, batch, actor, repeatable)
    except (UnknownBatch, BatchClosed, BatchFull):
        _discard_photos(services, stored)
        raise
    if quicker is not None:
        _discard_photos(services, stored)
        return quicker, 0
    to_fetch = sum(new.photo_key is None for new in stored)
    if to_fetch:
        services.ask_for_fetches(to_fetch)
    for new in stored:
        if new.photo_key is not None and not services.send(
            new.id, new.priority
        ):  # the rest would only wait for the same queue; the sweeper sends them
            break
    return None, first


def list_detectors(services: JobServices) -> frozenset[Detector]:
    """The detectors that a job may name: what the workers say they have, and where none says, what the settings allow."""
    with services.database.read() as session:
        found = find_available_detectors(session, services.worker_heartbeat_s)
    return services.configured_detectors if found is None else found


def _require_detector(services: JobServices, detector: Detector | None) -> None:
    if detector not in list_detectors(services):
        raise DetectorMissing(
            f"no worker has what the detector {detector} needs; `emoscope doctor` says what is missing"
        )


def _require_room(services: JobServices, wanted: int) -> None:
    if not services.room.take(services.database, wanted):
        limit = services.room.max_queued_jobs
        raise QueueFull(f"at most {limit:,} jobs may wait, and {wanted:,} more would be too many; try again later")


def _commit(
    services: JobServices,
    new_jobs: Sequence[NewJob],
    batch: NewBatch | None,
    actor: Actor,
    repeatable: Repeatable | None,
) -> tuple[IdempotencyKey | None, int]:
    application_id = batch.application_id if batch else new_jobs[0].application_id
    try:
        with services.database.write() as session:
            if repeatable is not None:
                quicker = find_submission(session, application_id, repeatable)
                if quicker is not None:
                    return quicker, 0
            first = _insert(session, new_jobs, batch, actor)
            if repeatable is not None:
                remember_submission(
                    session,
                    application_id,
                    repeatable,
                    retention_s=services.idempotency_retention_s,
                    job_id=None if batch else new_jobs[0].id,
                    batch_id=batch.id if batch else None,
                )
    except IntegrityError:  # of the key: another request wrote it between our look and our commit
        quicker = _find_earlier(services, application_id, repeatable)
        if quicker is None:
            raise
        return quicker, 0
    except DBAPIError as error:
        # Such a transaction is certainly not committed, and the photos would take the last of the room. Of other errors that isn't
        # known, and the sweeper looks for photos without a job.
        if is_disk_full(error):
            _discard_photos(services, new_jobs)
        raise
    return None, first


def _insert(session: Session, new_jobs: Sequence[NewJob], batch: NewBatch | None, actor: Actor) -> int:
    first = 0
    if batch is not None:
        if not batch.is_there:
            create_batch(session, batch.id, batch.application_id, is_open=batch.is_open)
        count = len(new_jobs) + len(batch.refused)
        first = take_positions(session, batch.id, count, batch.refused, is_new=not batch.is_there)
    for new in new_jobs:
        placed = new if batch is None else replace(new, batch_position=first + (new.batch_position or 0))
        create_job(session, placed, actor=actor)
    return first


def _discard_photos(services: JobServices, new_jobs: Iterable[NewJob]) -> None:
    """Delete stored photos that became no jobs."""
    for new in new_jobs:
        if new.photo_key is None:
            continue
        try:
            services.blobs.delete(new.photo_key)
        except BlobStoreUnavailable as error:
            log.warning("photo_left_behind", photo_key=new.photo_key, reason=str(error))
