"""Reports of missed faces and wrong boxes."""

from collections.abc import Sequence
from http import HTTPStatus
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.accounts.audit_log import record_audit_event
from db.core.actors import Actor
from db.core.errors import DomainError
from db.core.vocabulary import ReportKind
from db.faces.tables import Face
from db.jobs.tables import Job
from db.reviews.tables import FaceReport

MOST_NOTE_CHARACTERS = 500
MOST_REPORTS_A_JOB = 200


class InvalidReport(DomainError):
    """The report is invalid, or the job has the maximum number of reports."""

    code = "invalid_report"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "Invalid report"
    meaning = (
        "The report is invalid: a wrong box must belong to a face of the job, a box must lie inside the photo, and "
        f"a job can have {MOST_REPORTS_A_JOB} reports. `detail` says which."
    )


def create_report(
    session: Session,
    job: Job,
    kind: ReportKind,
    actor: Actor,
    *,
    face_id: UUID | None = None,
    box: tuple[int, int, int, int] | None = None,
    note: str = "",
) -> FaceReport:
    """Store a report. box: x, y, width, height of the face, in pixels of the upright photo. Raises InvalidReport."""
    if kind is ReportKind.WRONG_BOX and face_id is None:
        raise InvalidReport("a report of a wrong box must name the face")
    if face_id is not None and session.scalar(select(Face.job_id).where(Face.id == face_id)) != job.id:
        raise InvalidReport("the job has no such face")
    if box is not None:
        x, y, width, height = box
        if min(x, y) < 0 or min(width, height) < 1 or x + width > job.width or y + height > job.height:
            raise InvalidReport("the box lies outside the photo")
    if len(list_reports(session, job.id)) >= MOST_REPORTS_A_JOB:
        raise InvalidReport(f"the job has {MOST_REPORTS_A_JOB} reports already")
    place = dict(zip(("x", "y", "width", "height"), box, strict=True)) if box is not None else {}
    report = FaceReport(
        job_id=job.id,
        face_id=face_id,
        kind=kind,
        **place,
        note=note.strip()[:MOST_NOTE_CHARACTERS],
        actor=actor,
    )
    session.add(report)
    session.flush()
    record_audit_event(session, actor, "face.report", f"job:{job.id}", kind=kind.value)
    return report


def list_reports(session: Session, job_id: UUID) -> Sequence[FaceReport]:
    """List the reports on a job's photo, oldest first."""
    return session.scalars(select(FaceReport).where(FaceReport.job_id == job_id).order_by(FaceReport.id)).all()


def list_all_reports(session: Session, *, limit: int, before: UUID | None = None) -> Sequence[FaceReport]:
    """List reports of all jobs, newest first. before: the last report of the previous page."""
    statement = select(FaceReport).order_by(FaceReport.id.desc()).limit(limit)
    return session.scalars(statement if before is None else statement.where(FaceReport.id < before)).all()
