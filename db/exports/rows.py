"""The rows of an export, read in pages so that memory use is bounded. Each page is a read transaction of its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.accounts.tables import Application
from db.core.session import Database
from db.core.vocabulary import EMOTIONS, ExportRows
from db.exports.writing import Row
from db.faces.tables import Face, measure_ambiguity
from db.faces.usability import list_unusable_reasons
from db.jobs.queries import JobFilter, restrict
from db.jobs.tables import Job
from db.model_versions.tables import ModelVersion

JOBS_A_PAGE = 500
_DIGITS = 6

_JOB_COLUMNS = (
    Job.id,
    Job.batch_id,
    Job.batch_position,
    Job.filename,
    Job.source_url,
    Job.status,
    Job.priority,
    Job.created_at,
    Job.started_at,
    Job.finished_at,
    Job.attempt,
    Job.detector,
    Job.min_face_px,
    Job.media_type,
    Job.photo_bytes,
    Job.photo_sha256,
    Job.width,
    Job.height,
    Job.face_count,
    Job.error_code,
    Job.error_detail,
)
_FACE_COLUMNS = (
    Face.job_id,
    Face.id,
    Face.position,
    Face.x,
    Face.y,
    Face.width,
    Face.height,
    Face.detector,
    Face.detection_score,
    Face.emotion,
    Face.confidence,
    Face.margin,
    Face.probabilities,
    Face.vote_shares,
    Face.conditions,
    Face.roll_deg,
    Face.yaw_deg,
    Face.sharpness,
    Face.brightness,
    Face.inside_share,
)

JOB_FIELDS = (
    "job_id",
    "application",
    "batch_id",
    "batch_position",
    "filename",
    "source_url",
    "status",
    "priority",
    "created_at",
    "started_at",
    "finished_at",
    "attempt",
    "detector",
    "min_face_px",
    "media_type",
    "photo_bytes",
    "photo_sha256",
    "photo_width",
    "photo_height",
    "face_count",
    "error_code",
    "error_detail",
)
"""Columns of an export with one row per job."""
_JOB_FIELDS_OF_FACES = (
    "job_id",
    "application",
    "batch_id",
    "batch_position",
    "filename",
    "source_url",
    "created_at",
    "finished_at",
    "photo_sha256",
    "photo_width",
    "photo_height",
)
_PROBABILITY_FIELDS = tuple(f"probability_{emotion}" for emotion in EMOTIONS)
_VOTE_SHARE_FIELDS = tuple(f"vote_share_{emotion}" for emotion in EMOTIONS)
_NO_SHARES = (None,) * len(EMOTIONS)
FACE_FIELDS = (
    *_JOB_FIELDS_OF_FACES,
    "face_id",
    "face",
    "x",
    "y",
    "width",
    "height",
    "detector",
    "detection_score",
    "emotion",
    "confidence",
    "second_emotion",
    "second_probability",
    "margin",
    *_PROBABILITY_FIELDS,
    *_VOTE_SHARE_FIELDS,
    "ambiguity",
    "conditions",
    "roll_deg",
    "yaw_deg",
    "sharpness",
    "brightness",
    "inside_share",
    "usable",
    "unusable_reasons",
    "model_version",
)
"""Columns of an export with one row per face."""


@dataclass(frozen=True)
class Page:
    """Rows of some jobs, newest first. last: the last of these jobs. jobs: their number."""

    rows: list[Row]
    last: UUID
    jobs: int


def list_fields(rows: ExportRows) -> tuple[str, ...]:
    """List the columns in order."""
    return FACE_FIELDS if rows is ExportRows.FACES else JOB_FIELDS


def count_wanted(session: Session, wanted: JobFilter, most: int | None = None) -> int:
    """Return the number of matching jobs, counted up to `most`."""
    found = restrict(select(Job.id), wanted).limit(most).subquery()
    return session.scalar(select(func.count()).select_from(found)) or 0


def read_pages(database: Database, wanted: JobFilter, rows: ExportRows, page_size: int = JOBS_A_PAGE) -> Iterator[Page]:
    """Return every page of an export. Jobs created or erased during the export may be missing; no other job is missing or
    repeated.
    """
    with database.read() as session:
        applications = dict(session.execute(select(Application.id, Application.name)).all())
        versions = dict(session.execute(select(ModelVersion.id, ModelVersion.number)).all())
    before: UUID | None = None
    while True:
        with database.read() as session:
            page = _read_page(session, wanted, rows, page_size, before, applications, versions)
        if page is None:
            return
        yield page
        if page.jobs < page_size:
            return
        before = page.last


def _read_page(
    session: Session,
    wanted: JobFilter,
    rows: ExportRows,
    page_size: int,
    before: UUID | None,
    applications: dict[UUID, str],
    versions: dict[UUID, int],
) -> Page | None:
    statement = select(Job.application_id, *_JOB_COLUMNS).order_by(Job.id.desc()).limit(page_size)
    if before is not None:
        statement = statement.where(Job.id < before)
    found = session.execute(restrict(statement, wanted)).all()
    if not found:
        return None
    jobs = {job.id: _describe_job(job, applications) for job in found}
    if rows is ExportRows.JOBS:
        return Page(list(jobs.values()), found[-1].id, len(found))
    faces = (
        select(Face.model_version_id, *_FACE_COLUMNS)
        .where(Face.job_id.in_(list(jobs)))
        .order_by(Face.job_id.desc(), Face.position)
    )
    if wanted.emotion is not None:
        faces = faces.where(Face.emotion == wanted.emotion)
    described = [_describe_face(face, jobs[face.job_id], versions) for face in session.execute(faces)]
    return Page(described, found[-1].id, len(found))


def _describe_job(job: Any, applications: dict[UUID, str]) -> Row:
    return {
        "job_id": job.id,
        "application": applications.get(job.application_id),
        "batch_id": job.batch_id,
        "batch_position": job.batch_position,
        "filename": job.filename,
        "source_url": job.source_url,
        "status": job.status,
        "priority": job.priority,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "attempt": job.attempt,
        "detector": job.detector,
        "min_face_px": job.min_face_px,
        "media_type": job.media_type or None,
        "photo_bytes": job.photo_bytes or None,
        "photo_sha256": job.photo_sha256 or None,
        "photo_width": job.width or None,
        "photo_height": job.height or None,
        "face_count": job.face_count,
        "error_code": job.error_code,
        "error_detail": job.error_detail,
    }


def _describe_face(face: Any, job: Row, versions: dict[UUID, int]) -> Row:
    first = EMOTIONS.index(face.emotion)
    second = max((place for place in range(len(EMOTIONS)) if place != first), key=face.probabilities.__getitem__)
    shares = [round(value, _DIGITS) for value in face.vote_shares] if face.vote_shares else _NO_SHARES
    reasons = list_unusable_reasons(face)
    return {
        **{name: job[name] for name in _JOB_FIELDS_OF_FACES},
        "face_id": face.id,
        "face": face.position,
        "x": face.x,
        "y": face.y,
        "width": face.width,
        "height": face.height,
        "detector": face.detector,
        "detection_score": _round(face.detection_score),
        "emotion": face.emotion,
        "confidence": _round(face.confidence),
        "second_emotion": EMOTIONS[second],
        "second_probability": _round(face.probabilities[second]),
        "margin": _round(face.margin),
        **dict(zip(_PROBABILITY_FIELDS, [round(value, _DIGITS) for value in face.probabilities], strict=True)),
        **dict(zip(_VOTE_SHARE_FIELDS, shares, strict=True)),
        "ambiguity": _round(measure_ambiguity(face.vote_shares)),
        "conditions": face.conditions,
        "roll_deg": _round(face.roll_deg, 1),
        "yaw_deg": _round(face.yaw_deg, 1),
        "sharpness": _round(face.sharpness),
        "brightness": _round(face.brightness),
        "inside_share": _round(face.inside_share),
        "usable": None if reasons is None else not reasons,
        "unusable_reasons": reasons,
        "model_version": versions.get(face.model_version_id),
    }


def _round(value: float | None, digits: int = _DIGITS) -> float | None:
    return None if value is None else round(value, digits)
