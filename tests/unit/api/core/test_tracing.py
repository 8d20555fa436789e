from collections.abc import Iterator

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import get_current_span
from sqlalchemy import select
from structlog.contextvars import get_contextvars

from db.core.session import Database
from db.jobs.tables import Job
from emoscope import tracing
from emoscope.settings import Settings
from emoscope.tracing import make_tracing

PARENT = f"00-{'a' * 32}-{'b' * 16}-01"


@pytest.fixture
def exporter(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    made = make_tracing(settings, exporter)
    monkeypatch.setattr(tracing, "make_tracing", lambda _settings: made)
    tracing.open_tracing.cache_clear()
    yield exporter
    tracing.open_tracing.cache_clear()


def test_a_request_is_a_span_and_leaves_nothing_behind(app: APIFlask, exporter: InMemorySpanExporter) -> None:
    app.test_client().get("/v1/jobs", headers={"traceparent": PARENT})
    (span,) = exporter.get_finished_spans()
    assert span.name == "GET /v1/jobs"
    assert span.attributes is not None
    assert span.attributes["http.response.status_code"] == 401
    assert f"{span.context.trace_id:032x}" == "a" * 32
    assert not get_current_span().get_span_context().is_valid
    assert "trace_id" not in get_contextvars()


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_what_machines_ask_every_few_seconds_is_no_span(
    path: str, app: APIFlask, exporter: InMemorySpanExporter
) -> None:
    app.test_client().get(path)
    assert exporter.get_finished_spans() == ()


def test_without_the_setting_a_job_keeps_its_clients_trace_for_the_workers_log(
    client: FlaskClient, photo: bytes, database: Database
) -> None:
    for headers in ({"traceparent": PARENT}, {}):
        assert client.post("/v1/jobs", data=photo, headers=headers).status_code == 202
    with database.read() as session:
        assert session.scalars(select(Job.traceparent).order_by(Job.id)).all() == [PARENT, None]


def test_without_the_setting_a_clients_trace_makes_no_span(app: APIFlask) -> None:
    seen: list[object] = []
    app.before_request(lambda: seen.append(get_contextvars().get("trace_id")))
    app.test_client().get("/v1/jobs", headers={"traceparent": PARENT})
    app.test_client().get("/v1/jobs", headers={"traceparent": "of another form"})
    assert seen == ["a" * 32, None]
