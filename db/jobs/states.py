"""The state transitions of a job, and the statement that executes one.

queued -> running -> succeeded | failed | canceled
queued -> canceled | failed
running -> queued                    (a retry: the worker requeued the job, or its lease expired)
"""

from datetime import datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, bindparam, insert, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from db.core.actors import Actor
from db.core.errors import DomainError
from db.core.rows import get_table, list_columns, make_object
from db.core.vocabulary import JobStatus
from db.jobs.tables import Job, JobEvent

_JOBS = get_table(Job)
_JOB_COLUMNS = list_columns(Job)
_INSERT_EVENT = insert(get_table(JobEvent))

_MOVES: dict[JobStatus, frozenset[JobStatus]] = {
    JobStatus.QUEUED: frozenset({JobStatus.RUNNING, JobStatus.CANCELED, JobStatus.FAILED}),
    JobStatus.RUNNING: frozenset({JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELED, JobStatus.QUEUED}),
    JobStatus.SUCCEEDED: frozenset(),
    JobStatus.FAILED: frozenset(),
    JobStatus.CANCELED: frozenset(),
}


class InvalidTransition(DomainError):
    """The job's state doesn't allow this transition, or another worker holds the job."""

    code = "invalid_transition"
    status = HTTPStatus.CONFLICT
    title = "Job has ended"
    meaning = "The job has ended, so it can't be canceled."

    def __init__(self, job_id: UUID, to: JobStatus) -> None:
        super().__init__(f"job {job_id} can't become {to} now")
        self.job_id = job_id
        self.to = to

    @property
    def public_detail(self) -> str:
        """The message for clients, who asked to cancel the job."""
        return "the job has ended, so it can't be canceled any more"


def record_move(
    source: Connection | Session,
    job_id: UUID,
    from_status: JobStatus | None,
    to: JobStatus,
    *,
    attempt: int,
    actor: Actor,
    now: datetime,
    detail: str | None = None,
) -> None:
    """Store the event of a transition."""
    row = {
        "job_id": job_id,
        "at": now,
        "from_status": from_status,
        "to_status": to,
        "attempt": attempt,
        "actor": str(actor),
        "actor_kind": getattr(actor, "kind", None),
        "detail": detail,
    }
    source.execute(_INSERT_EVENT, row)


def move_job(
    session: Session,
    job_id: UUID,
    from_status: JobStatus,
    to: JobStatus,
    *,
    actor: Actor,
    now: datetime,
    detail: str | None = None,
    conditions: tuple[ColumnElement[bool], ...] = (),
    values: dict[str, Any] | None = None,
    changes: tuple[tuple[str, ColumnElement[Any]], ...] = (),
    parameters: dict[str, Any] | None = None,
) -> Job:
    """Change a job's status, if it exists and all `conditions` hold, and store the event.

    One conditional UPDATE, so that of two processes that try the same transition exactly one succeeds.
    actor: for the event.
    values: further columns to set.
    changes: columns to set to expressions.
    parameters: of the conditions.
    Conditions and changes must be module-level constants, because the statement is cached by them.
    Returns the updated job, which belongs to no session.
    Raises InvalidTransition if no row matched, ValueError for an undefined transition.
    """
    if to not in _MOVES[from_status]:
        raise ValueError(f"there is no transition from {from_status} to {to}")
    values = values or {}
    statement = _make_move(conditions, tuple(values), changes)
    given = {f"new_{name}": value for name, value in values.items()}
    session.flush()  # flush the session's pending changes to this job first
    found = session.execute(
        statement,
        {"moved_id": job_id, "from_status": from_status, "new_status": to, **given, **(parameters or {})},
    ).first()
    if found is None:
        raise InvalidTransition(job_id, to)
    job = make_object(Job, {column.key: value for column, value in zip(_JOB_COLUMNS, found, strict=True)})
    record_move(session, job_id, from_status, to, attempt=job.attempt, actor=actor, now=now, detail=detail)
    return job


@lru_cache(maxsize=64)
def _make_move(
    conditions: tuple[ColumnElement[bool], ...],
    names: tuple[str, ...],
    changes: tuple[tuple[str, ColumnElement[Any]], ...],
) -> ReturningUpdate[Any]:
    """Build the UPDATE of a transition, which takes three times as long as executing it.

    names: columns whose new value is the parameter `new_NAME`.
    """
    columns = _JOBS.c
    is_there = (
        columns.id == bindparam("moved_id", type_=columns.id.type),
        columns.status == bindparam("from_status", type_=columns.status.type),
    )
    values = {name: bindparam(f"new_{name}", type_=columns[name].type) for name in ("status", *names)}
    return (
        update(_JOBS)
        .where(*is_there, *conditions)
        .values(revision=columns.revision + 1, **values, **dict(changes))
        .returning(*_JOB_COLUMNS)
    )
