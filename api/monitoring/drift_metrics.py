"""Drift as Prometheus metrics. Measured every few minutes, because each measurement reads five weeks of faces."""

import threading
from collections.abc import Iterator
from time import monotonic

import structlog
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from api.core.services import Services
from db.monitoring.drift import Drift, choose_periods, measure_drift

log = structlog.get_logger(__name__)

_MEASURE_EVERY_S = 300.0


class DriftCollector(Collector):
    """Collects drift, and keeps the last measurement while the database is down."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lock = threading.Lock()
        self._drift: Drift | None = None
        self._measured_at = -_MEASURE_EVERY_S

    def collect(self) -> Iterator[Metric]:
        """Compare the last week with the four weeks before it."""
        drift = self._measure()
        if drift is None:
            return
        faces = GaugeMetricFamily("emoscope_drift_faces", "Faces, by period and emotion.", labels=["period", "emotion"])
        confidence = GaugeMetricFamily("emoscope_drift_confidence", "Mean confidence, by period.", labels=["period"])
        size = GaugeMetricFamily(
            "emoscope_drift_face_pixels", "Mean shorter side of a face, by period.", labels=["period"]
        )
        overrides = GaugeMetricFamily(
            "emoscope_drift_override_rate",
            "Share of reviewed faces of the random slice where reviewers chose another emotion, by period.",
            labels=["period"],
        )
        for period, figures in (("reference", drift.reference), ("current", drift.current)):
            for emotion, count in figures.emotions.items():
                faces.add_metric([period, emotion.value], count)
            means = (
                (confidence, figures.mean_confidence),
                (size, figures.mean_face_px),
                (overrides, figures.override_rate.share),
            )
            for metric, value in means:
                if value is not None:
                    metric.add_metric([period], value)
        yield from (faces, confidence, size, overrides)
        if drift.emotion_shift is not None:
            yield GaugeMetricFamily(
                "emoscope_drift_emotion_shift",
                "Population stability index of the emotion mix of the last week against the four weeks before.",
                value=drift.emotion_shift,
            )

    def _measure(self) -> Drift | None:
        with self._lock:
            if monotonic() - self._measured_at >= _MEASURE_EVERY_S:
                try:
                    with self._services.database.read() as session:
                        self._drift = measure_drift(session, *choose_periods())
                except SQLAlchemyError as error:
                    log.warning("drift_not_measured", reason=str(error))
                self._measured_at = monotonic()
            return self._drift
