"""Worker processes and their heartbeats."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db.core.types import utcnow
from db.core.vocabulary import Detector, WorkerState
from db.monitoring.tables import Worker

_SILENT_HEARTBEATS = 3
"""Missed heartbeats after which a worker no longer counts as live; one may be late on a busy machine."""


def record_heartbeat(
    session: Session,
    name: str,
    state: WorkerState,
    *,
    detail: str | None = None,
    runtime: str | None = None,
    detector: Detector | None = None,
    detectors: Iterable[Detector] | None = None,
    model_version_id: UUID | None = None,
    options: Mapping[str, Any] | None = None,
    memory_bytes: int | None = None,
) -> None:
    """Store a worker's state and heartbeat. Values that aren't given become empty."""
    worker = session.get(Worker, name)
    if worker is None:
        worker = Worker(name=name)
        session.add(worker)
    worker.state = state
    worker.detail = detail
    worker.runtime = runtime
    worker.detector = detector
    worker.detectors = None if detectors is None else [each.value for each in detectors]
    worker.model_version_id = model_version_id
    worker.memory_bytes = memory_bytes
    worker.options = None if options is None else dict(options)
    worker.seen_at = utcnow()


def list_live_workers(session: Session, heartbeat_s: float) -> Sequence[Worker]:
    """List workers that weren't stopped and missed fewer than three heartbeats. heartbeat_s: interval of heartbeats."""
    oldest = utcnow() - timedelta(seconds=heartbeat_s * _SILENT_HEARTBEATS)
    return session.scalars(
        select(Worker).where(Worker.seen_at >= oldest, Worker.state != WorkerState.STOPPED).order_by(Worker.name)
    ).all()


def list_differences(workers: Iterable[Worker]) -> list[str]:
    """Describe, in a sentence each, ready workers whose detector or runtime settings differ from most of the fleet.

    In a tie, the settings of the longest-running worker count as the fleet's.
    """
    told = [worker for worker in workers if worker.state is WorkerState.READY and worker.options is not None]
    if not told:
        return []
    counts = Counter(_write_options(worker) for worker in told)
    usual = (
        min(told, key=lambda worker: (-counts[_write_options(worker)], worker.started_at, worker.name)).options or {}
    )
    return [_describe(worker, usual) for worker in told if worker.options != usual]


def _write_options(worker: Worker) -> str:
    return json.dumps(worker.options, sort_keys=True)


def _describe(worker: Worker, usual: Mapping[str, Any]) -> str:
    own = worker.options or {}
    differing = sorted(name for name in own.keys() | usual.keys() if own.get(name) != usual.get(name))
    return f"{worker.name} has " + ", ".join(
        f"{name} {own.get(name)} in place of {usual.get(name)}" for name in differing
    )


def find_available_detectors(session: Session, heartbeat_s: float) -> frozenset[Detector] | None:
    """Return the detectors that at least one live worker can load; None if no worker reports any."""
    told = [worker.detectors for worker in list_live_workers(session, heartbeat_s) if worker.detectors is not None]
    return frozenset(Detector(each) for words in told for each in words if each in tuple(Detector)) if told else None


def forget_workers(session: Session, older_than_s: float) -> None:
    """Delete workers without a heartbeat for that long."""
    session.execute(delete(Worker).where(Worker.seen_at < utcnow() - timedelta(seconds=older_than_s)))
