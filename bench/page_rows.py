"""Adds what a service has after some months besides its faces: users, audit log, runs, deliveries, reports."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from bench.review_rows import make_key
from db.accounts import api_keys, users
from db.accounts.tables import Application, AuditEvent
from db.core.actors import Actor, ActorKind
from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import DeliveryState, ReportKind, Role, TrainingRunStatus, TrainingTrigger
from db.jobs.tables import Job
from db.model_versions.tables import ModelVersion
from db.reviews.tables import FaceReport
from db.training_runs.tables import TrainingRun
from db.webhooks.tables import WebhookDelivery, WebhookEndpoint, WebhookEvent

_USERS, _KEYS, _RUNS, _CHANGES, _DELIVERIES, _REPORTS = 40, 60, 120, 100_000, 100_000, 500
_DAYS = 90
_ACTIONS = ("user.sign_in", "user.sign_in_failed", "review.undo", "job.erase", "key.create", "model.promote")


def fill_pages(database: Database, changes: int = _CHANGES) -> None:
    """Add these rows to a database that has jobs and versions. Does nothing if they exist. changes: entries of the audit log."""
    with database.write() as session:
        if session.scalar(select(TrainingRun.id).limit(1)) is not None:
            return
        now = utcnow()
        for number in range(_USERS):
            users.create_user(session, f"user-{number}", "no hash", Role.REVIEWER, Actor.system("bench"))
        applications = session.scalars(select(Application).order_by(Application.id)).all()
        for number in range(_KEYS):
            api_keys.create_key(session, applications[number % len(applications)])
        _add_changes(session, now, changes)
        _add_runs(session, now)
        _add_deliveries(session, now, applications[0].id)
        _add_reports(session, now)


def _list_moments(now: datetime, count: int) -> list[datetime]:
    return [now - timedelta(days=_DAYS * (1 - number / count)) for number in range(count)]


def _add_changes(session: Session, now: datetime, count: int) -> None:
    rows: list[dict[str, Any]] = [
        {
            "at": at, "actor": f"user-{number % _USERS}", "actor_kind": ActorKind.USER,
            "action": _ACTIONS[number % len(_ACTIONS)], "subject": f"user:user-{number % _USERS}", "details": {},
        }
        for number, at in enumerate(_list_moments(now, count))
    ]  # fmt: skip
    session.execute(insert(AuditEvent), rows)


def _add_runs(session: Session, now: datetime) -> None:
    version_id = session.scalars(select(ModelVersion.id).order_by(ModelVersion.number)).first()
    curve = [{"epoch": epoch, "loss": 1.0, "accuracy": 0.8, "seconds": 30.0} for epoch in range(1, 61)]
    rows: list[dict[str, Any]] = [
        {
            "id": make_key(at), "status": TrainingRunStatus.REJECTED, "trigger": TrainingTrigger.SCHEDULE,
            "options": {"from_scratch": False}, "attempt": 1, "max_attempts": 3, "created_at": at, "started_at": at,
            "finished_at": at + timedelta(hours=1), "champion_id": version_id, "reason": "kept the champion",
            "progress": {"step": "comparing", "epoch": 60, "epochs": 60, "curve": curve},
            "actor": "schedule", "actor_kind": ActorKind.SYSTEM,
        }
        for at in _list_moments(now, _RUNS)
    ]  # fmt: skip
    session.execute(insert(TrainingRun), rows)


def _add_deliveries(session: Session, now: datetime, application_id: UUID) -> None:
    endpoint = WebhookEndpoint(application_id=application_id, url="https://photos.example.com/hook", events=["*"])
    session.add(endpoint)
    session.flush()
    job_ids = session.scalars(select(Job.id).order_by(Job.id.desc()).limit(_DELIVERIES)).all()
    moments = _list_moments(now, len(job_ids))
    events: list[dict[str, Any]] = [
        {"id": make_key(at), "type": "job.succeeded", "data": {}, "job_id": job_id, "created_at": at}
        for at, job_id in zip(moments, reversed(job_ids), strict=True)
    ]
    session.execute(insert(WebhookEvent), events)
    deliveries = [
        {
            "id": make_key(event["created_at"]), "event_id": event["id"], "endpoint_id": endpoint.id,
            "state": DeliveryState.FAILED if number % 50 == 0 else DeliveryState.SUCCEEDED,
            "due_at": event["created_at"], "started_at": event["created_at"], "status_code": 200, "duration_ms": 12.0,
        }
        for number, event in enumerate(events)
    ]  # fmt: skip
    session.execute(insert(WebhookDelivery), deliveries)


def _add_reports(session: Session, now: datetime) -> None:
    job_ids = session.scalars(select(Job.id).order_by(Job.id.desc()).limit(_REPORTS)).all()
    rows = [
        {
            "id": make_key(now), "job_id": job_id, "kind": ReportKind.MISSED_FACE, "at": now, "note": "",
            "actor": "user-1", "actor_kind": ActorKind.USER,
        }
        for job_id in job_ids
    ]  # fmt: skip
    session.execute(insert(FaceReport), rows)
