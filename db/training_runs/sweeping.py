"""Queries and actions of the sweeper on training runs: expired leases and lost messages."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session

from db.core.actors import Actor
from db.core.types import utcnow
from db.core.vocabulary import TrainingRunStatus
from db.training_runs.lifecycle import get_run
from db.training_runs.states import RunClaim, end_run, holds_run, move_run
from db.training_runs.tables import TrainingRun


def list_expired_runs(session: Session) -> list[RunClaim]:
    """List claims whose lease has expired."""
    rows = session.execute(
        select(TrainingRun.id, TrainingRun.attempt, TrainingRun.worker).where(
            TrainingRun.status == TrainingRunStatus.RUNNING, TrainingRun.lease_expires_at <= utcnow()
        )
    )
    return [RunClaim(run_id, attempt, worker or "") for run_id, attempt, worker in rows]


def take_back_run(session: Session, claim: RunClaim, actor: Actor) -> TrainingRun:
    """Requeue a run whose lease expired; fail it after its last attempt; end it if it was to be canceled.

    Raises InvalidRunTransition if the lease was renewed or the run's state changed.
    """
    is_expired = TrainingRun.lease_expires_at <= utcnow()
    return _try_again(session, claim, actor, "worker_lost", f"the lease of {claim.worker} expired", is_expired)


def retry_run(session: Session, claim: RunClaim, actor: Actor, code: str, detail: str) -> TrainingRun:
    """Requeue a run that lacked a dependency; after its last attempt fail it with `code`.

    The sweeper sends its message at its next pass, so that the dependency has time to recover. Raises InvalidRunTransition if the
    claim is no longer valid.
    """
    return _try_again(session, claim, actor, code, detail)


def give_back_run(session: Session, claim: RunClaim, actor: Actor) -> TrainingRun:
    """Requeue a run whose worker is stopping. This isn't counted as a failed attempt.

    Raises InvalidRunTransition if the claim is no longer valid.
    """
    # No worker would receive a message now; the sweeper sends it at its next pass.
    return _queue_again(session, claim, actor, sent_at=None, max_attempts=TrainingRun.max_attempts + 1)


def expire_run_lease(session: Session, run_id: UUID, is_dead: Callable[[str], bool]) -> bool:
    """Expire the lease of a running run now, if `is_dead` returns true for its worker's name. Returns whether it did."""
    is_held = (TrainingRun.id == run_id) & (TrainingRun.status == TrainingRunStatus.RUNNING)
    worker = session.scalar(select(TrainingRun.worker).where(is_held).with_for_update())
    if worker is None or not is_dead(worker):
        return False
    session.execute(update(TrainingRun).where(is_held).values(lease_expires_at=utcnow()))
    return True


def list_waiting_runs(session: Session, sent_before_s: float) -> Sequence[UUID]:
    """List queued runs whose message wasn't sent within the last `sent_before_s` seconds."""
    sent_before = utcnow() - timedelta(seconds=sent_before_s)
    return session.scalars(
        select(TrainingRun.id).where(
            TrainingRun.status == TrainingRunStatus.QUEUED,
            or_(TrainingRun.sent_at.is_(None), TrainingRun.sent_at < sent_before),
        )
    ).all()


def record_run_sent(session: Session, run_id: UUID) -> None:
    """Record that the run's message was sent now."""
    session.execute(update(TrainingRun).where(TrainingRun.id == run_id).values(sent_at=utcnow()))


def _try_again(
    session: Session, claim: RunClaim, actor: Actor, code: str, detail: str, *conditions: ColumnElement[bool]
) -> TrainingRun:
    run = get_run(session, claim.run_id)
    if run.cancel_requested_by is not None:
        by = run.cancel_requested_by
        return end_run(
            session, claim, TrainingRunStatus.CANCELED, Actor.read(by), *conditions, reason=f"canceled by {by}"
        )
    if claim.attempt >= run.max_attempts:
        reason = f"gave up after {claim.attempt} attempts: {detail}"
        return end_run(
            session, claim, TrainingRunStatus.FAILED, actor, *conditions, error_code=code, error_detail=reason
        )
    return _queue_again(session, claim, actor, *conditions, sent_at=utcnow())


def _queue_again(
    session: Session, claim: RunClaim, actor: Actor, *conditions: ColumnElement[bool], **values: Any
) -> TrainingRun:
    return move_run(
        session,
        claim.run_id,
        TrainingRunStatus.RUNNING,
        TrainingRunStatus.QUEUED,
        actor,
        *holds_run(claim),
        *conditions,
        worker=None,
        lease_expires_at=None,
        **values,
    )
