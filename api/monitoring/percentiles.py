"""Percentiles of job durations by phase, for dashboard and metrics."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles

from db.jobs.queries import JobDuration


@dataclass(frozen=True)
class Percentiles:
    """p50, p95 and p99 in seconds."""

    p50: float
    p95: float
    p99: float


def take_percentiles(durations: Sequence[JobDuration]) -> dict[str, Percentiles] | None:
    """Return percentiles by phase: `waiting`, `running` and `total`. None for fewer than two jobs."""
    if len(durations) < 2:
        return None
    phases = {
        "waiting": [duration.waiting_s for duration in durations],
        "running": [duration.running_s for duration in durations],
        "total": [duration.waiting_s + duration.running_s for duration in durations],
    }
    cuts = {name: quantiles(seconds, n=100, method="inclusive") for name, seconds in phases.items()}
    return {name: Percentiles(cut[49], cut[94], cut[98]) for name, cut in cuts.items()}
