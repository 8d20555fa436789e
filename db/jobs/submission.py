"""Submitting photos, alone or as a batch: photo stored, row committed, message sent, in this order.

A crash after the first step leaves a photo without a job, never a job without a photo; a crash after the second leaves a job
that the sweeper sends.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from db.core.actors import Actor
from db.core.blobs import BlobStoreUnavailable
from db.core.errors import DomainError
from db.core.full_disk import is_disk_full
from db.core.vocabulary import Detector
from db.jobs.batches import create_batch
from db.jobs.idempotency import Earlier, IdempotencyConflict, Repeatable, find_submission, remember_submission
from db.jobs.lifecycle import NewJob, create_job
from db.jobs.services import JobServices
from db.jobs.tables import Job
from db.monitoring.heartbeats import find_available_detectors

log = structlog.get_logger(__name__)

QUEUE_FULL_RETRY_S = 10


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
class NewBatch:
    """What a batch is made from. refused: position, filename, code and detail of each photo that is no job of it."""

    id: UUID
    application_id: UUID
    refused: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Submitted:
    """What came of a submission. id: of the job or batch. is_new: False if the same request made it before. job: the new job as it
    is stored; its application isn't loaded.
    """

    id: UUID
    is_new: bool
    job: Job | None = None


class _QuickerSubmission(Exception):
    """Another request with the same key was quicker. It undoes the transaction."""


def submit_job(
    services: JobServices, new: NewJob, data: bytes, *, actor: Actor, repeatable: Repeatable | None = None
) -> Submitted:
    """Make a job of a photo, or find the one that the same request made before.

    data: the photo's bytes. repeatable: the client's idempotency key, if it sent one.
    Raises IdempotencyConflict, QueueFull, BlobStoreUnavailable.
    """
    earlier = _find_earlier(services, new.application_id, repeatable)
    if earlier is None:
        made = _store_and_send(services, [(new, lambda: data)], None, actor, repeatable)
        if not isinstance(made, Earlier):
            return Submitted(new.id, is_new=True, job=made[0])
        earlier = made
    if earlier.job_id is None:
        raise IdempotencyConflict("this Idempotency-Key was used before for a batch")
    return Submitted(earlier.job_id, is_new=False)


def submit_batch(
    services: JobServices,
    batch: NewBatch,
    photos: Sequence[tuple[NewJob, Callable[[], bytes]]],
    *,
    actor: Actor,
    repeatable: Repeatable | None = None,
) -> Submitted:
    """Make a batch of photos, or find the one that the same request made before. Raises as submit_job does.

    photos: each accepted photo's job, and what reads its bytes; one photo is in memory at a time.
    """
    earlier = _find_earlier(services, batch.application_id, repeatable)
    if earlier is None:
        made = _store_and_send(services, photos, batch, actor, repeatable)
        if not isinstance(made, Earlier):
            return Submitted(batch.id, is_new=True)
        earlier = made
    if earlier.batch_id is None:
        raise IdempotencyConflict("this Idempotency-Key was used before for a single photo")
    return Submitted(earlier.batch_id, is_new=False)


def _find_earlier(services: JobServices, application_id: UUID, repeatable: Repeatable | None) -> Earlier | None:
    if repeatable is None:
        return None
    with services.database.look_up() as connection:
        return find_submission(connection, application_id, repeatable)


def _store_and_send(
    services: JobServices,
    photos: Sequence[tuple[NewJob, Callable[[], bytes]]],
    batch: NewBatch | None,
    actor: Actor,
    repeatable: Repeatable | None,
) -> list[Job] | Earlier:
    """Returns the jobs that were made, or the submission of another request with the same key that was quicker."""
    for detector in {new.detector for new, _ in photos} - {None}:
        _require_detector(services, detector)
    _require_room(services, len(photos))
    stored: list[NewJob] = []
    try:
        for new, read in photos:
            services.blobs.put(new.photo_key, read())
            stored.append(new)
    except Exception:
        _discard_photos(services, stored)
        raise
    made = _commit(services, stored, batch, actor, repeatable)
    if isinstance(made, Earlier):
        _discard_photos(services, stored)
        return made
    for new in stored:
        if not services.send(
            new.id, new.priority
        ):  # the rest would only wait for the same queue; the sweeper sends them
            break
    return made


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
) -> list[Job] | Earlier:
    application_id = batch.application_id if batch else new_jobs[0].application_id
    try:
        with services.database.write_rows() as connection:
            made = _insert(connection, new_jobs, batch, actor)
            if repeatable is not None:
                _remember(services, connection, application_id, repeatable, batch, new_jobs[0])
    except _QuickerSubmission:
        quicker = _find_earlier(services, application_id, repeatable)
        if quicker is None:  # it was erased meanwhile
            raise IdempotencyConflict("another request with this Idempotency-Key came at the same time") from None
        return quicker
    except DBAPIError as error:
        # Such a transaction is certainly not committed, and the photos would take the last of the room. Of other errors that isn't
        # known, and the sweeper looks for photos without a job.
        if is_disk_full(error):
            _discard_photos(services, new_jobs)
        raise
    return made


def _remember(
    services: JobServices,
    connection: Connection,
    application_id: UUID,
    repeatable: Repeatable,
    batch: NewBatch | None,
    first: NewJob,
) -> None:
    is_stored = remember_submission(
        connection,
        application_id,
        repeatable,
        retention_s=services.idempotency_retention_s,
        job_id=None if batch else first.id,
        batch_id=batch.id if batch else None,
    )
    if not is_stored:
        raise _QuickerSubmission


def _insert(connection: Connection, new_jobs: Iterable[NewJob], batch: NewBatch | None, actor: Actor) -> list[Job]:
    if batch is not None:
        create_batch(connection, batch.id, batch.application_id, batch.refused)
    return [create_job(connection, new, actor=actor) for new in new_jobs]


def _discard_photos(services: JobServices, new_jobs: Iterable[NewJob]) -> None:
    """Delete stored photos that became no jobs."""
    for new in new_jobs:
        try:
            services.blobs.delete(new.photo_key)
        except BlobStoreUnavailable as error:
            log.warning("photo_left_behind", photo_key=new.photo_key, reason=str(error))
