"""The state transitions of a training run, and the statement that executes one.

queued -> running -> promoted | rejected | failed | canceled
queued -> canceled
running -> queued                    (its lease expired; the next attempt resumes after the last epoch)
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ColumnElement, CursorResult, update
from sqlalchemy.orm import Session

from db.accounts.audit_log import record_audit_event
from db.core.actors import Actor
from db.core.errors import DomainError
from db.core.types import utcnow
from db.core.vocabulary import TrainingRunStatus
from db.training_runs.tables import TrainingRun
from db.webhooks.event_types import TRAINING_RUN_FINISHED, TrainingRunEventData
from db.webhooks.recording import record_event

ACTIVE_STATUSES = frozenset({TrainingRunStatus.QUEUED, TrainingRunStatus.RUNNING})


class InvalidRunTransition(DomainError):
    """The run's state doesn't allow this transition, or another worker holds the run."""

    code = "training_run_ended"
    status = HTTPStatus.CONFLICT
    title = "Training run has ended"
    meaning = "The training run has ended, so it can't be canceled."

    def __init__(self, run_id: UUID, to: TrainingRunStatus) -> None:
        super().__init__(f"training run {run_id} can't become {to} now")


@dataclass(frozen=True)
class RunClaim:
    """A worker's claim on a run: valid while the run is running in this attempt."""

    run_id: UUID
    attempt: int
    worker: str


def holds_run(claim: RunClaim) -> tuple[ColumnElement[bool], ...]:
    """Condition: the claim is valid. The attempt number is a fencing token, as for jobs."""
    return (TrainingRun.status == TrainingRunStatus.RUNNING, TrainingRun.attempt == claim.attempt)


def end_run(
    session: Session,
    claim: RunClaim,
    to: TrainingRunStatus,
    actor: Actor,
    *conditions: ColumnElement[bool],
    **values: Any,
) -> TrainingRun:
    """End a run held by `claim`. Raises InvalidRunTransition if the claim is no longer valid."""
    return move_run(
        session, claim.run_id, TrainingRunStatus.RUNNING, to, actor, *holds_run(claim), *conditions, **values
    )


def move_run(
    session: Session,
    run_id: UUID,
    from_status: TrainingRunStatus,
    to: TrainingRunStatus,
    actor: Actor,
    *conditions: ColumnElement[bool],
    **values: Any,
) -> TrainingRun:
    """Change a run's status if it exists and all conditions hold. Raises InvalidRunTransition if no row matched."""
    if to not in ACTIVE_STATUSES:
        values |= {"lane": None, "lease_expires_at": None, "finished_at": utcnow()}
    statement = (
        update(TrainingRun)
        .where(TrainingRun.id == run_id, TrainingRun.status == from_status, *conditions)
        .values(status=to, **values)
    )
    result = cast("CursorResult[Any]", session.execute(statement, execution_options={"synchronize_session": False}))
    if result.rowcount != 1:
        raise InvalidRunTransition(run_id, to)
    run = session.get_one(TrainingRun, run_id, populate_existing=True)
    details: dict[str, Any] = {key: values[key] for key in ("reason", "error_code", "error_detail") if key in values}
    if run.challenger is not None:
        details["challenger"] = run.challenger.number
    record_audit_event(session, actor, f"training_run.{to}", name_run(run_id), attempt=run.attempt, **details)
    if to not in ACTIVE_STATUSES:
        data = TrainingRunEventData(
            id=run_id,
            status=to,
            challenger=details.get("challenger"),
            reason=run.reason,
            error_code=run.error_code,
        )
        record_event(session, TRAINING_RUN_FINISHED, data, application_id=None)
    return run


def name_run(run_id: UUID) -> str:
    """Return the run's subject in the audit log."""
    return f"training_run:{run_id}"
