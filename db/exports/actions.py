"""Exports to files: created, written by a housekeeper that holds a lease, read, and deleted after their retention time."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from tempfile import NamedTemporaryFile
from time import monotonic
from typing import IO, Any, cast
from uuid import UUID

from sqlalchemy import CursorResult, delete, or_, select, update
from sqlalchemy.orm import Session

from db.accounts.audit_log import record_audit_event
from db.core.actors import Actor
from db.core.blobs import BlobStore
from db.core.errors import DomainError
from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import TERMINAL_STATUSES, ExportFormat, ExportRows, JobStatus
from db.exports.documents import WantedJobs
from db.exports.rows import count_wanted, list_fields, read_pages
from db.exports.tables import Export
from db.exports.writing import Row, write_pages
from db.jobs.queries import JobFilter
from db.webhooks.event_types import EXPORT_FINISHED, ExportEventData
from db.webhooks.recording import record_event

LEASE_S = 60.0
_MAX_ATTEMPTS = 3
_PROGRESS_S = 2.0
"""Seconds between two progress updates, each of which renews the lease."""
MOST_ACTIVE = 10
"""Maximum number of exports of one application that are queued or running."""


class UnknownExport(DomainError):
    """There is no such export, or it was deleted."""

    code = "unknown_export"
    status = HTTPStatus.NOT_FOUND
    title = "Unknown export"
    meaning = "There is no export with this id, or its retention time is over."


class ExportNotReady(DomainError):
    """The export has no file yet, or none at all."""

    code = "export_not_ready"
    status = HTTPStatus.CONFLICT
    title = "Export not ready"
    meaning = "The export has no file: it is queued or running, or it failed or was canceled."


class ExportTooLarge(DomainError):
    """More jobs than a response may stream."""

    code = "export_too_large"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "Export too large to stream"
    meaning = (
        "The export has too many jobs to be streamed (`EMOSCOPE_EXPORT_STREAM_JOBS`). Narrow the filters, or "
        "create a file with `POST /v1/exports`."
    )


class TooManyExports(DomainError):
    """The application has the maximum number of active exports."""

    code = "too_many_exports"
    status = HTTPStatus.TOO_MANY_REQUESTS
    title = "Too many exports"
    meaning = f"An application can have {MOST_ACTIVE} exports queued or running. Wait until one has ended."
    retry_after_s = 10


@dataclass(frozen=True)
class ExportClaim:
    """A housekeeper's claim on an export: valid while it is running in this attempt."""

    export_id: UUID
    attempt: int


def make_export_key(export_id: UUID) -> str:
    """Return the key of an export's file."""
    return f"exports/{export_id}"


def create_export(
    session: Session, application_id: UUID, wanted: JobFilter, rows: ExportRows, form: ExportFormat, *, actor: Actor
) -> Export:
    """Create a queued export. Send its message after the commit. Raises TooManyExports."""
    active = select(Export.id).where(Export.application_id == application_id, Export.status.not_in(TERMINAL_STATUSES))
    if len(session.scalars(active.limit(MOST_ACTIVE)).all()) >= MOST_ACTIVE:
        raise TooManyExports(f"{MOST_ACTIVE} exports are queued or running already")
    document = WantedJobs.of_filter(wanted).model_dump(mode="json", exclude_none=True)
    export = Export(application_id=application_id, rows=rows, format=form, wanted=document)
    session.add(export)
    session.flush()
    record_audit_event(session, actor, "export.create", f"export:{export.id}", rows=rows.value, **document)
    return export


def find_export(session: Session, export_id: UUID, application_id: UUID | None) -> Export:
    """Return the export. application_id: only among that application's exports. Raises UnknownExport."""
    export = session.get(Export, export_id)
    if export is None or application_id not in {None, export.application_id}:
        raise UnknownExport(f"there is no export {export_id}")
    return export


def list_exports(
    session: Session, application_id: UUID | None, *, limit: int, before: UUID | None = None
) -> Sequence[Export]:
    """List at most `limit` exports, newest first. application_id: None for all. before: the last export of the previous page."""
    statement = select(Export).order_by(Export.id.desc()).limit(limit)
    if application_id is not None:
        statement = statement.where(Export.application_id == application_id)
    if before is not None:
        statement = statement.where(Export.id < before)
    return session.scalars(statement).all()


def stream_rows(
    database: Database, wanted: JobFilter, rows: ExportRows, form: ExportFormat, most_jobs: int
) -> Iterator[bytes]:
    """Return the rows of at most `most_jobs` jobs in pieces. Raises ExportTooLarge at once if there are more."""
    with database.read() as session:
        if count_wanted(session, wanted, most_jobs + 1) > most_jobs:
            raise ExportTooLarge(
                f"more than {most_jobs:,} jobs; narrow the filters, or ask for a file with `POST /v1/exports`"
            )
    pages = (page.rows for page in read_pages(database, wanted, rows))
    return write_pages(pages, list_fields(rows), form)


def delete_export(database: Database, blobs: BlobStore, export_id: UUID, *, actor: Actor) -> None:
    """Delete an export with its file, or cancel it. Raises BlobStoreUnavailable."""
    blobs.delete(make_export_key(export_id))
    with database.write() as session:
        if session.scalar(delete(Export).where(Export.id == export_id).returning(Export.id)) is not None:
            record_audit_event(session, actor, "export.delete", f"export:{export_id}")


def list_waiting_exports(session: Session, limit: int) -> Sequence[UUID]:
    """List queued exports, and running ones whose lease expired."""
    is_abandoned = (Export.status == JobStatus.RUNNING) & (Export.lease_expires_at <= utcnow())
    statement = select(Export.id).where(or_(Export.status == JobStatus.QUEUED, is_abandoned))
    return session.scalars(statement.order_by(Export.id).limit(limit)).all()


def list_expired_exports(session: Session, limit: int) -> Sequence[UUID]:
    """List exports whose retention time is over."""
    return session.scalars(select(Export.id).where(Export.expires_at <= utcnow()).limit(limit)).all()


def write_export(
    database: Database, blobs: BlobStore, export_id: UUID, folder: Path, *, retention_s: float
) -> Export | None:
    """Write an export's file, unless another worker does. Returns the ended export; None if there was nothing to do.

    folder: for the incomplete file.
    retention_s: how long the file is kept.
    Raises BlobStoreUnavailable and OSError; the export is then retried when its lease has expired.
    """
    claim = _claim(database, export_id)
    if claim is None:
        return None
    with database.read() as session:
        export = session.get(Export, export_id)
        if export is None:
            return None
        wanted = WantedJobs.model_validate(export.wanted).to_filter()
        total = count_wanted(session, wanted)
    with NamedTemporaryFile(dir=folder, prefix="export-") as file:
        try:
            written = _Writer(database, claim, file).write(wanted, export, total)
        except _Withdrawn:
            return None
        blobs.put_file(make_export_key(export_id), Path(file.name))
    expires_at = utcnow() + timedelta(seconds=retention_s)
    ended = _finish(database, claim, status=JobStatus.SUCCEEDED, expires_at=expires_at, **written)
    if ended is None:  # deleted while its file was uploaded
        blobs.delete(make_export_key(export_id))
    return ended


class _Writer:
    """Writes the rows to a file, and its progress to the database."""

    def __init__(self, database: Database, claim: ExportClaim, file: IO[bytes]) -> None:
        self._database, self._claim, self._file = database, claim, file
        self._jobs_done = self._row_count = 0
        self._noted_at = 0.0

    def write(self, wanted: JobFilter, export: Export, total: int) -> dict[str, Any]:
        """Write the file. Returns the columns of the export that describe it. Raises _Withdrawn."""
        self._note(jobs_total=total)
        digest, byte_count = hashlib.sha256(), 0
        for piece in write_pages(self._list_pages(wanted, export.rows), list_fields(export.rows), export.format):
            self._file.write(piece)
            digest.update(piece)
            byte_count += len(piece)
        self._file.flush()
        self._note(jobs_done=self._jobs_done, row_count=self._row_count)
        return {"byte_count": byte_count, "sha256": digest.hexdigest()}

    def _list_pages(self, wanted: JobFilter, rows: ExportRows) -> Iterator[list[Row]]:
        for page in read_pages(self._database, wanted, rows):
            self._row_count, self._jobs_done = self._row_count + len(page.rows), self._jobs_done + page.jobs
            if monotonic() - self._noted_at > _PROGRESS_S:
                self._note(jobs_done=self._jobs_done, row_count=self._row_count)
            yield page.rows

    def _note(self, **values: int) -> None:
        """Store the progress, and renew the lease."""
        self._noted_at = monotonic()
        with self._database.write() as session:
            renewed = {"lease_expires_at": utcnow() + timedelta(seconds=LEASE_S), **values}
            found = session.execute(update(Export).where(_holds(self._claim)).values(renewed))
        if cast("CursorResult[Any]", found).rowcount != 1:
            raise _Withdrawn


class _Withdrawn(Exception):
    """The export was deleted, or claimed by another attempt."""


def _claim(database: Database, export_id: UUID) -> ExportClaim | None:
    now = utcnow()
    is_free = (Export.status == JobStatus.QUEUED) | (
        (Export.status == JobStatus.RUNNING) & (Export.lease_expires_at <= now)
    )
    with database.write() as session:
        attempt = session.scalar(
            update(Export)
            .where(Export.id == export_id, is_free)
            .values(
                status=JobStatus.RUNNING,
                attempt=Export.attempt + 1,
                started_at=now,
                lease_expires_at=now + timedelta(seconds=LEASE_S),
                jobs_done=0,
                row_count=0,
            )
            .returning(Export.attempt)
        )
    if attempt is None:
        return None
    claim = ExportClaim(export_id, attempt)
    if attempt > _MAX_ATTEMPTS:
        _finish(
            database,
            claim,
            status=JobStatus.FAILED,
            error_code="worker_lost",
            error_detail=f"gave up after {_MAX_ATTEMPTS} attempts",
        )
        return None
    return claim


def _holds(claim: ExportClaim) -> Any:
    return (Export.id == claim.export_id) & (Export.status == JobStatus.RUNNING) & (Export.attempt == claim.attempt)


def _finish(database: Database, claim: ExportClaim, **values: Any) -> Export | None:
    with database.write() as session:
        statement = update(Export).where(_holds(claim)).values(finished_at=utcnow(), lease_expires_at=None, **values)
        if cast("CursorResult[Any]", session.execute(statement)).rowcount != 1:
            return None
        export = session.get_one(Export, claim.export_id, populate_existing=True)
        record_export_finished(session, export)
        return export


def record_export_finished(session: Session, export: Export) -> None:
    """Record the webhook event of an ended export."""
    data = ExportEventData(
        id=export.id,
        status=export.status.value,
        row_count=export.row_count if export.status is JobStatus.SUCCEEDED else None,
        error_code=export.error_code,
    )
    record_event(session, EXPORT_FINISHED, data, application_id=export.application_id)
