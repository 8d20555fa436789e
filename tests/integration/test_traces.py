"""One trace and one request id from a submission through the queue to the worker and its webhook, in spans and in log lines."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import structlog
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy import select

from api.core.app import create_app
from api.core.services import open_services as open_api_services
from db.accounts import api_keys
from db.webhooks.tables import WebhookDelivery
from emoscope import tracing
from emoscope.log_repeats import SummingHandler
from emoscope.logging import configure_logs
from emoscope.settings import Settings
from emoscope.stack.demo_photos import portrait_photo
from emoscope.stack.provision import register_shipped_models
from emoscope.tracing import make_tracing
from tests.support.hooks import HookReceiver
from tests.support.logs import restore_logs
from worker.analysis.job_runner import run_job
from worker.analysis.process import WorkerProcess
from worker.core.services import Services
from worker.housekeeping.webhooks import deliver

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the processes would log, as JSON."""
    stream = io.StringIO()
    with restore_logs():
        configure_logs("INFO", "json")
        (handler,) = logging.getLogger().handlers
        assert isinstance(handler, SummingHandler)
        handler.setStream(stream)
        structlog.configure(cache_logger_on_first_use=False)
        yield stream


@pytest.fixture
def exporter(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    made = make_tracing(settings, exporter)
    monkeypatch.setattr(tracing, "make_tracing", lambda _settings: made)
    tracing.open_tracing.cache_clear()
    yield exporter
    tracing.open_tracing.cache_clear()


def submit(settings: Settings, callback_url: str) -> tuple[UUID, str]:
    """Submit a photo as a client that traces. Returns the job's id and the request's."""
    services = open_api_services(settings)
    with services.database.write() as session:
        application = api_keys.ensure_application(session, "shop")
        key = api_keys.create_key(session, application)
    answer = (
        create_app(settings, services)
        .test_client()
        .post(
            "/v1/jobs",
            query_string={"callback_url": callback_url},
            data=portrait_photo("astronaut").data,
            headers={"Authorization": f"Bearer {key}", "traceparent": f"00-{TRACE}-{SPAN}-01"},
        )
    )
    services.close()
    assert answer.status_code == 202, answer.text
    return UUID(answer.get_json()["id"]), answer.headers["X-Request-ID"]


def test_a_trace_leads_from_the_request_to_the_webhook_and_every_line_of_the_job_names_it(
    settings: Settings, exporter: InMemorySpanExporter, lines: io.StringIO, tmp_path: Path
) -> None:
    settings = settings.model_copy(update={"callback_private_hosts": True, "access_log": True})
    with HookReceiver([204]) as receiver:
        job_id, request_id = submit(settings, receiver.url)
        services = Services(settings)
        register_shipped_models(services.database, services.blobs, lambda _step: None)
        process = WorkerProcess(services)
        process.beat()
        before = lines.tell()
        run_job(process, job_id)
        with services.database.read() as session:
            (delivery_id,) = session.scalars(select(WebhookDelivery.id))
        deliver(services, delivery_id)
        (hook,) = receiver.take(1)
    services.usage.close()
    services.redis.close()
    services.database.close()

    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert {f"{span.context.trace_id:032x}" for span in spans.values()} == {TRACE}
    request = spans["POST /v1/jobs"]
    assert request.parent is not None
    assert f"{request.parent.span_id:016x}" == SPAN
    for name in ("wait in the queue", "analyze", "deliver a webhook"):
        assert find_parent(spans, name) is request, name
    for name in ("read the photo", "find and classify faces", "write the result"):
        assert find_parent(spans, name) is spans["analyze"], name
    assert hook.headers["traceparent"].startswith(f"00-{TRACE}-")

    logged = [json.loads(line) for line in lines.getvalue().splitlines()]
    of_job = [json.loads(line) for line in lines.getvalue()[before:].splitlines()]
    assert "delivery_made" in {line["event"] for line in of_job}
    for line in of_job:
        assert (line.get("job_id"), line.get("request_id"), line.get("trace_id")) == (str(job_id), request_id, TRACE), (
            line
        )
    (access,) = [line for line in logged if line["event"] == "request"]
    wanted = {
        "method": "POST",
        "route": "/v1/jobs",
        "status": 202,
        "by": "shop",
        "request_id": request_id,
        "job_id": str(job_id),
    }
    assert wanted.items() <= access.items()
    assert access["trace_id"] == TRACE


def find_parent(spans: dict[str, ReadableSpan], name: str) -> Any:
    parent = spans[name].parent
    assert parent is not None
    return next((span for span in spans.values() if span.context.span_id == parent.span_id), None)
