"""The state of the service as metrics, read from the database and the queue at each scrape.

The cost of a scrape doesn't grow with the number of ended jobs: it counts queued and running jobs, and those of the last ten
minutes.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import redis
import structlog
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from api.core.services import Services
from api.monitoring.percentiles import take_percentiles
from api.monitoring.work_metrics import describe_steps, describe_training, describe_worker_memory
from db.accounts.usage import sum_usage
from db.core import queues
from db.core.types import utcnow
from db.core.vocabulary import TERMINAL_STATUSES, JobStatus, WorkerState
from db.jobs import queries as job_queries
from db.model_versions import actions as model_versions
from db.monitoring import heartbeats
from db.monitoring.dashboard import count_failures, count_jobs_by_minute
from db.webhooks.deliveries import count_pending
from db.webhooks.endpoints import count_endpoints

log = structlog.get_logger(__name__)

_QUEUES = (
    queues.ANALYSIS_QUEUE,
    queues.BULK_QUEUE,
    queues.TRAINING_QUEUE,
    queues.HOUSEKEEPING_QUEUE,
    queues.CALLBACK_QUEUE,
)
_ACTIVE = tuple(status for status in JobStatus if status not in TERMINAL_STATUSES)
_ENDED = tuple(status for status in JobStatus if status in TERMINAL_STATUSES)
_SAMPLE = 1000
_WINDOW = timedelta(minutes=10)


class StateCollector(Collector):
    """Collects the state at each scrape. Metrics of a component that doesn't respond are left out, and its `emoscope_part_up` is
    0.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterator[Metric]:
        """Collect all available metrics."""
        up = GaugeMetricFamily("emoscope_part_up", "Whether a component responds: 1 or 0.", labels=["part"])
        for part, ask in (("database", self._ask_database), ("queue", self._ask_queue)):
            try:
                found = ask()
            except (SQLAlchemyError, redis.RedisError) as error:
                log.warning("component_down", part=part, reason=str(error))
                up.add_metric([part], 0)
                continue
            up.add_metric([part], 1)
            yield from found
        yield up

    def _ask_database(self) -> list[Metric]:
        settings, now = self._services.settings, utcnow()
        since = now - _WINDOW
        with self._services.database.read() as session:
            active = job_queries.count_jobs(session, _ACTIVE)
            ended = count_jobs_by_minute(session, since)
            failures = count_failures(session, since)
            oldest = job_queries.oldest_queued_at(session)
            durations = job_queries.list_recent_durations(session, _SAMPLE, since)
            live = heartbeats.list_live_workers(session, settings.worker_heartbeat_s)
            champion = model_versions.get_champion(session)
            by_endpoint_state = count_endpoints(session)
            pending_deliveries = count_pending(session)
            used = sum_usage(session)
            challenger = model_versions.get_challenger(session)
            work = [
                describe_steps(session, _SAMPLE, _WINDOW),
                *describe_training(session),
                describe_worker_memory(live),
            ]
        jobs = GaugeMetricFamily("emoscope_jobs", "Jobs that wait or run, by status.", labels=["status"])
        for status, count in active.items():
            jobs.add_metric([status], count)
        recent_jobs = GaugeMetricFamily(
            "emoscope_recent_jobs", "Jobs of the last ten minutes that have ended, by status.", labels=["status"]
        )
        for status in _ENDED:
            recent_jobs.add_metric([status], sum(each.count for each in ended if each.status is status))
        recent_failures = GaugeMetricFamily(
            "emoscope_recent_failures", "Jobs of the last ten minutes that failed, by error code.", labels=["code"]
        )
        for failure in failures:
            recent_failures.add_metric([failure.code], failure.count)
        age_s = 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds())
        children = GaugeMetricFamily("emoscope_workers", "Live worker processes, by state.", labels=["state"])
        by_state = Counter(worker.state for worker in live)
        for state in WorkerState:
            children.add_metric([state], by_state[state])
        behind = sum(
            worker.state is WorkerState.READY and (champion is None or worker.model_version_id != champion.id)
            for worker in live
        )
        endpoints = GaugeMetricFamily(
            "emoscope_webhook_endpoints",
            "Webhook endpoints by state; `failing` ones were paused by the service.",
            labels=["state"],
        )
        for endpoint_state, count in by_endpoint_state.items():
            endpoints.add_metric([endpoint_state], count)
        usage = GaugeMetricFamily(
            "emoscope_key_usage",
            "Usage of all API keys since the beginning, by kind; /v1/keys/usage has it by key and day.",
            labels=["kind"],
        )
        for kind, count in used.items():
            usage.add_metric([kind], count)
        return [
            jobs,
            recent_jobs,
            recent_failures,
            GaugeMetricFamily("emoscope_oldest_queued_seconds", "Age of the oldest queued job.", value=age_s),
            children,
            GaugeMetricFamily(
                "emoscope_workers_behind",
                "Live worker processes that classify by another model version than the one in service.",
                value=behind,
            ),
            GaugeMetricFamily(
                "emoscope_workers_differing",
                "Ready worker processes whose detector, runtime or thresholds differ from those of most; /readyz names one.",
                value=len(heartbeats.list_differences(live)),
            ),
            GaugeMetricFamily(
                "emoscope_champion_number",
                "The model version in service; 0 for none.",
                value=champion.number if champion else 0,
            ),
            GaugeMetricFamily(
                "emoscope_challenger_number",
                "The model version in shadow mode; 0 for none.",
                value=challenger.number if challenger else 0,
            ),
            _describe_durations(durations),
            *work,
            endpoints,
            usage,
            GaugeMetricFamily(
                "emoscope_webhook_deliveries_pending",
                "Webhook deliveries that wait for their first or next attempt, those of paused endpoints left out.",
                value=pending_deliveries,
            ),
        ]

    def _ask_queue(self) -> list[Metric]:
        lengths = GaugeMetricFamily("emoscope_queue_messages", "Messages that wait, by queue.", labels=["queue"])
        for name in _QUEUES:
            lengths.add_metric([name], int(self._services.redis.llen(name)))
        swept = GaugeMetricFamily(
            "emoscope_last_sweep_timestamp_seconds",
            "Time at which the last sweep ended, in seconds since 1970; 0 if unknown.",
            value=float(self._services.redis.get(queues.LAST_SWEEP_KEY) or 0),
        )
        return [lengths, swept]


def _describe_durations(recent: list[job_queries.JobDuration]) -> Metric:
    """Describe quantiles of the last ten minutes, from at most the newest 1,000 jobs and at least two."""
    metric = GaugeMetricFamily(
        "emoscope_recent_job_seconds",
        "How long jobs that succeeded in the last ten minutes waited, ran, and took in all.",
        labels=["phase", "quantile"],
    )
    for phase, taken in (take_percentiles(recent) or {}).items():
        for label, seconds in (("0.5", taken.p50), ("0.95", taken.p95), ("0.99", taken.p99)):
            metric.add_metric([phase, label], seconds)
    return metric
