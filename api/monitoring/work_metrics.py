"""Metrics of current work: analysis steps, the running training run, and memory of each process."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from statistics import quantiles
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy.orm import Session

from db.core.types import utcnow
from db.core.vocabulary import TrainingRunStatus
from db.jobs.queries import list_recent_timings
from db.monitoring.tables import Worker
from db.training_runs.documents import RunProgress
from db.training_runs.lifecycle import get_active_run


def describe_steps(session: Session, limit: int, window: timedelta) -> Metric:
    """Describe quantiles of the duration of each step, from at most the newest `limit` jobs that succeeded in the window."""
    metric = GaugeMetricFamily(
        "emoscope_recent_step_seconds",
        "How long the steps of jobs that succeeded in the last ten minutes took.",
        labels=["step", "quantile"],
    )
    for step, seconds in gather_steps(list_recent_timings(session, limit, utcnow() - window)).items():
        cuts = quantiles(seconds, n=100, method="inclusive") if len(seconds) > 1 else seconds * 99
        for label, place in (("0.5", 49), ("0.95", 94), ("0.99", 98)):
            metric.add_metric([step, label], cuts[place])
    return metric


def gather_steps(timings_ms: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """Return the durations in seconds by step."""
    found: defaultdict[str, list[float]] = defaultdict(list)
    for timings in timings_ms:
        for step, taken_ms in timings.items():
            found[step].append(taken_ms / 1000)
    return dict(found)


def describe_training(session: Session) -> list[Metric]:
    """Describe queued and running training runs, and the progress of the running one."""
    run = get_active_run(session)
    progress = RunProgress.read(run.progress) if run is not None else RunProgress()
    active = GaugeMetricFamily(
        "emoscope_training_runs_active", "Training runs that wait or run, by status.", labels=["status"]
    )
    for status in (TrainingRunStatus.QUEUED, TrainingRunStatus.RUNNING):
        active.add_metric([status], int(run is not None and run.status is status))
    share = progress.epoch / progress.epochs if progress.epoch and progress.epochs else 0.0
    return [
        active,
        GaugeMetricFamily(
            "emoscope_training_progress",
            "Epochs that the running training run has done, as a share of all.",
            value=share,
        ),
    ]


def describe_worker_memory(live: Sequence[Worker]) -> Metric:
    """Describe the resident memory of each live worker process that reports it."""
    metric = GaugeMetricFamily(
        "emoscope_worker_memory_bytes",
        "Resident memory of a worker process, as of its last heartbeat.",
        labels=["worker"],
    )
    for worker in live:
        if worker.memory_bytes is not None:
            metric.add_metric([worker.name], worker.memory_bytes)
    return metric
