"""Prometheus metrics: request counts of all API processes, and the state of the service at scrape time.

With several processes, PROMETHEUS_MULTIPROC_DIR must be set to an empty folder when they start. Each process counts in its own file
there, and any of them responds for all.
"""

import os
from time import perf_counter

import structlog
from apiflask import APIBlueprint
from flask import Flask, Response, current_app, g, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from api.core.openapi import describe_response
from api.core.server.bridge import MEMO
from api.core.services import get_services
from api.monitoring.drift_metrics import DriftCollector
from api.monitoring.metrics_files import use_reserved_files
from api.monitoring.state_metrics import StateCollector
from emoscope.freed_memory import read_resident_bytes

log = structlog.get_logger(__name__)
use_reserved_files()

blueprint = APIBlueprint("metrics", __name__, tag="Service")

_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Up to the longest wait of a long poll."""

_MEMORY_EVERY_S = 5.0
_EXTENSION = "emoscope_metrics"
_DRIFT_EXTENSION = "emoscope_drift"


class RequestMetrics:
    """One process's request metrics."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self._requests = Counter("emoscope_http_requests", "Requests answered.", labels, registry=self.registry)
        self._seconds = Histogram(
            "emoscope_http_request_seconds",
            "Seconds from request to answer, waiting included.",
            ("method", "route"),
            buckets=_BUCKETS_S,
            registry=self.registry,
        )
        self._memory = Gauge(
            "emoscope_api_memory_bytes",
            "Resident memory of each API process, as of its last requests.",
            registry=self.registry,
            multiprocess_mode="liveall",
        )
        self._next_look = 0.0

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one completed request."""
        try:
            self._requests.labels(method, route, str(status)).inc()
            self._seconds.labels(method, route).observe(seconds)
            self._look_at_memory()
        except (OSError, ValueError) as error:
            # Creating a series may have to open a file. Failing to count must not fail the request.
            log.warning("request_not_counted", reason=str(error))

    def _look_at_memory(self) -> None:
        now = perf_counter()
        if now >= self._next_look:
            self._next_look = now + _MEMORY_EVERY_S
            self._memory.set(read_resident_bytes() or 0)

    def render(self) -> bytes:
        """Return the metrics of all processes in Prometheus's text format."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self.registry)
        registry = CollectorRegistry()
        try:
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
            return generate_latest(registry)
        except (OSError, ValueError) as error:  # for example if the folder doesn't exist
            log.warning("metrics_of_one_process", reason=str(error))
            return generate_latest(self.registry)


def register_metrics(app: Flask) -> None:
    """Count every request of this application."""
    metrics = RequestMetrics()
    app.extensions[_EXTENSION] = metrics

    @app.before_request
    def start_clock() -> None:
        # a parked request runs more than once
        g.started = request.environ.get(MEMO, {}).setdefault("started", perf_counter())

    @app.after_request
    def count(response: Response) -> Response:
        # the URL rule, not the path: each id would create a series
        route = request.url_rule.rule if request.url_rule is not None else "(none)"
        method = request.method if request.url_rule is not None else "(any)"
        metrics.count(method, route, response.status_code, perf_counter() - g.get("started", perf_counter()))
        return response


@blueprint.get("/metrics")
@blueprint.doc(
    summary="Metrics for Prometheus",
    responses=describe_response(200, "Prometheus's text format.", {"text/plain": {"type": "string"}}),
)
def read_metrics() -> Response:
    """Send all metrics."""
    metrics: RequestMetrics = current_app.extensions[_EXTENSION]
    state = CollectorRegistry()
    state.register(StateCollector(get_services()))
    state.register(current_app.extensions.setdefault(_DRIFT_EXTENSION, DriftCollector(get_services())))
    return Response(metrics.render() + generate_latest(state), content_type=CONTENT_TYPE_LATEST)
