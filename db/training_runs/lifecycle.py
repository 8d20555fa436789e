"""The lifecycle of a training run: create, claim, update, end. Every function runs inside the caller's transaction.

Each transition is one conditional UPDATE and one audit entry; `db/training_runs/states.py` defines them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CursorResult, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.accounts.audit_log import record_audit_event
from db.core.actors import Actor
from db.core.errors import DomainError
from db.core.types import utcnow
from db.core.vocabulary import TrainingRunStatus, TrainingTrigger
from db.model_versions.actions import lock_champion, promote
from db.model_versions.tables import ModelVersion
from db.training_runs.documents import GateReport, RunAudit, RunOptions, RunProgress
from db.training_runs.states import (
    ACTIVE_STATUSES,
    InvalidRunTransition,
    RunClaim,
    end_run,
    holds_run,
    move_run,
    name_run,
)
from db.training_runs.tables import TrainingRun

MAX_ATTEMPTS = 5
"""How often a run is resumed after its lease expired."""

_LANE = "active"


class TrainingRunActive(DomainError):
    """Another run is queued or running, and only one may be; or the schedule has already started a run for this time."""

    code = "training_run_active"
    status = HTTPStatus.CONFLICT
    title = "Training run active"
    meaning = "Another training run is queued or running, and there can be one at a time. `detail` names it."


class UnknownTrainingRun(DomainError):
    """There is no training run with this id."""

    code = "unknown_training_run"
    status = HTTPStatus.NOT_FOUND
    title = "Unknown training run"
    meaning = "There is no training run with this id."


@dataclass(frozen=True)
class Pulse:
    """Result of a heartbeat. canceled_by: who asked to stop the run, or None."""

    is_held: bool
    canceled_by: str | None


def create_run(
    session: Session,
    trigger: TrainingTrigger,
    actor: Actor,
    *,
    from_scratch: bool = False,
    epochs: int | None = None,
    slot: datetime | None = None,
) -> TrainingRun:
    """Store a queued run. Send its message after the commit.

    from_scratch: start from new weights instead of the champion's.
    epochs: overrides the setting.
    slot: time of the schedule for which the run is started.
    Raises TrainingRunActive.
    """
    is_taken = TrainingRun.lane == _LANE
    if slot is not None:
        is_taken = or_(is_taken, TrainingRun.slot == slot)
    taken = session.scalar(select(TrainingRun).where(is_taken).limit(1))
    if taken is not None:
        raise TrainingRunActive(_explain(taken))
    run = TrainingRun(
        lane=_LANE,
        trigger=trigger,
        actor=actor,
        slot=slot,
        options=RunOptions(from_scratch=from_scratch, epochs=epochs).to_json(),
        max_attempts=MAX_ATTEMPTS,
        sent_at=utcnow(),
    )
    try:
        with session.begin_nested():
            session.add(run)
    except IntegrityError as error:
        raise TrainingRunActive("another training run was started at the same moment") from error
    record_audit_event(session, actor, "training_run.queued", name_run(run.id), trigger=trigger, **run.options)
    return run


def get_run(session: Session, run_id: UUID) -> TrainingRun:
    """Return the run. Raises UnknownTrainingRun."""
    run = session.get(TrainingRun, run_id)
    if run is None:
        raise UnknownTrainingRun(f"there is no training run {run_id}")
    return run


def get_active_run(session: Session) -> TrainingRun | None:
    """Return the queued or running run, or None."""
    return session.scalar(select(TrainingRun).where(TrainingRun.lane == _LANE))


def list_runs(session: Session, *, limit: int = 20, before: UUID | None = None) -> Sequence[TrainingRun]:
    """List at most `limit` runs, newest first. before: the last run of the previous page."""
    statement = select(TrainingRun).order_by(TrainingRun.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(TrainingRun.id < before)
    return session.scalars(statement).all()


def claim_run(session: Session, run_id: UUID, worker: str, lease_s: float) -> tuple[TrainingRun, RunClaim]:
    """Claim a queued run, with a lease and a new attempt number. Raises InvalidRunTransition if it isn't queued."""
    now = utcnow()
    run = move_run(
        session,
        run_id,
        TrainingRunStatus.QUEUED,
        TrainingRunStatus.RUNNING,
        Actor.worker(worker),
        attempt=TrainingRun.attempt + 1,
        worker=worker,
        lease_expires_at=now + timedelta(seconds=lease_s),
    )
    run.started_at = run.started_at or now
    return run, RunClaim(run.id, run.attempt, worker)


def renew_run(session: Session, claim: RunClaim, lease_s: float, progress: RunProgress | None = None) -> Pulse:
    """Extend the lease to `lease_s` seconds from now, and store the progress, if given."""
    values: dict[str, Any] = {"lease_expires_at": utcnow() + timedelta(seconds=lease_s)}
    if progress is not None:
        values["progress"] = progress.to_json()
    statement = update(TrainingRun).where(TrainingRun.id == claim.run_id, *holds_run(claim)).values(**values)
    is_held = cast("CursorResult[Any]", session.execute(statement)).rowcount == 1
    canceled_by = session.scalar(select(TrainingRun.cancel_requested_by).where(TrainingRun.id == claim.run_id))
    return Pulse(is_held, canceled_by)


def record_snapshot(
    session: Session, claim: RunClaim, *, dataset_sha256: str, audit: RunAudit, champion_id: UUID
) -> None:
    """Store what the run is trained on and which version it is compared with. Raises InvalidRunTransition if the claim is
    invalid.
    """
    statement = (
        update(TrainingRun)
        .where(TrainingRun.id == claim.run_id, *holds_run(claim))
        .values(dataset_sha256=dataset_sha256, audit=audit.to_json(), champion_id=champion_id)
    )
    if cast("CursorResult[Any]", session.execute(statement)).rowcount != 1:
        raise InvalidRunTransition(claim.run_id, TrainingRunStatus.RUNNING)


def decide_run(
    session: Session,
    claim: RunClaim,
    challenger: ModelVersion,
    *,
    is_promoted: bool,
    reason: str,
    gate: GateReport,
) -> TrainingRun:
    """End the run with the gate's decision, and promote the challenger if it passed, in one transaction.

    A run that was asked to stop ends `canceled`, whatever the decision. A champion that changed during the run stays: the
    challenger wasn't compared with it. Raises InvalidRunTransition if the claim is no longer valid.
    """
    run = get_run(session, claim.run_id)
    session.refresh(run, with_for_update=True)
    if run.cancel_requested_by is not None:
        by = run.cancel_requested_by
        return end_run(
            session,
            claim,
            TrainingRunStatus.CANCELED,
            Actor.read(by),
            challenger_id=challenger.id,
            gate=gate.to_json(),
            reason=f"canceled by {by}",
        )
    champion = lock_champion(session)
    if is_promoted and champion is not None and champion.id != run.champion_id:
        is_promoted = False
        reason = (
            f"version {champion.number} was put in service during this run, so the challenger wasn't compared with it"
        )
    run = end_run(
        session,
        claim,
        TrainingRunStatus.PROMOTED if is_promoted else TrainingRunStatus.REJECTED,
        Actor.worker(claim.worker),
        challenger_id=challenger.id,
        gate=gate.to_json(),
        reason=reason,
    )
    if is_promoted:
        promote(session, challenger, Actor.system(name_run(claim.run_id)), reason)
    return run


def fail_run(session: Session, claim: RunClaim, code: str, detail: str) -> TrainingRun:
    """End the run as failed. Raises InvalidRunTransition if the claim is no longer valid."""
    return end_run(
        session, claim, TrainingRunStatus.FAILED, Actor.worker(claim.worker), error_code=code, error_detail=detail
    )


def finish_cancel(session: Session, claim: RunClaim, canceled_by: str) -> TrainingRun:
    """End a run that has stopped as requested. Raises InvalidRunTransition if the claim is no longer valid."""
    return end_run(
        session, claim, TrainingRunStatus.CANCELED, Actor.read(canceled_by), reason=f"canceled by {canceled_by}"
    )


def cancel_run(session: Session, run_id: UUID, actor: Actor) -> TrainingRun:
    """Cancel a run: at once if it is queued, otherwise at its worker's next heartbeat.

    Raises UnknownTrainingRun, InvalidRunTransition if the run has ended.
    """
    run = get_run(session, run_id)
    session.refresh(run, with_for_update=True)
    if run.status not in ACTIVE_STATUSES:
        raise InvalidRunTransition(run_id, TrainingRunStatus.CANCELED)
    if run.status is TrainingRunStatus.QUEUED:
        return move_run(
            session, run_id, TrainingRunStatus.QUEUED, TrainingRunStatus.CANCELED, actor, reason=f"canceled by {actor}"
        )
    if run.cancel_requested_by is None:
        run.cancel_requested_by = actor
        record_audit_event(session, actor, "training_run.cancel", name_run(run_id))
    return run


def _explain(run: TrainingRun) -> str:
    if run.lane is None:
        return f"the schedule's moment {run.slot} has its training run already"
    return f"training run {run.id} is {run.status}; there is one at a time"
