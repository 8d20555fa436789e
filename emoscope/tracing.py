"""OpenTelemetry traces from a request through the queue to worker and webhook, if a setting names a collector.

A job's row stores the `traceparent` of its submission (https://www.w3.org/TR/trace-context/), so that no trace breaks when the
queue loses messages. Without the setting OpenTelemetry isn't imported, and a span costs a microsecond.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import structlog

from emoscope.settings import Settings, load_settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span, Tracer

log = structlog.get_logger(__name__)

Kind = Literal["internal", "server", "client", "producer", "consumer"]
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)
_EXPORT_TIMEOUT_S = 5
_bound: ContextVar[str | None] = ContextVar("traceparent", default=None)
"""The argument of the innermost `bind_trace`."""


class Tracing:
    """Creates the spans of one process."""

    def __init__(self, tracer: "Tracer | None") -> None:
        """tracer: None makes spans that aren't sent."""
        self._tracer = tracer

    @property
    def is_on(self) -> bool:
        """Whether spans are sent."""
        return self._tracer is not None

    def start(
        self,
        name: str,
        kind: Kind = "internal",
        *,
        parent: str | None = None,
        began_at: datetime | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> "Span | None":
        """Start a span below `parent` (a traceparent), or below the current span of this thread.

        began_at: start time, by default now. End it with its `end`.
        """
        if self._tracer is None:
            return None
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        context = TraceContextTextMapPropagator().extract({"traceparent": parent}) if parent else None
        return self._tracer.start_span(
            name,
            context,
            SpanKind[kind.upper()],
            attributes={key: value for key, value in (attributes or {}).items() if value is not None},
            start_time=int(began_at.timestamp() * 1e9) if began_at else None,
        )

    @contextmanager
    def span(
        self, name: str, kind: Kind = "internal", *, parent: str | None = None, **attributes: Any
    ) -> Iterator[None]:
        """Run the block in a span, which records exceptions. Log lines inside have its trace id."""
        span = self.start(name, kind, parent=parent, attributes=attributes)
        if span is None:
            with bind_trace(parent):
                yield
            return
        from opentelemetry.trace import use_span

        with use_span(span, end_on_exit=True), bind_trace(make_traceparent(span)):
            yield


def make_traceparent(span: "Span | None") -> str | None:
    """Return the traceparent by which another process continues a span's trace. None without a span."""
    if span is None:
        return None
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


def find_current_traceparent() -> str | None:
    """Return the traceparent of this thread's current span, or without tracing that of `bind_trace`. None without one."""
    if not open_tracing().is_on:
        return _bound.get()
    from opentelemetry.trace import get_current_span

    span = get_current_span()
    return make_traceparent(span) if span.get_span_context().is_valid else None


def read_traceparent(header: str) -> str | None:
    """Return the `traceparent` of a client or proxy, if it is well-formed."""
    return header if _TRACEPARENT.fullmatch(header) else None


@contextmanager
def bind_trace(traceparent: str | None) -> Iterator[None]:
    """Add the trace's id to log lines inside the block. Jobs submitted inside it store the traceparent."""
    found = _TRACEPARENT.fullmatch(traceparent or "")
    if found is None:
        yield
        return
    token = _bound.set(found[0])
    try:
        with structlog.contextvars.bound_contextvars(trace_id=found[1]):
            yield
    finally:
        _bound.reset(token)


@lru_cache(maxsize=1)
def open_tracing() -> Tracing:
    """Return this process's tracing, created at first use from the settings: after forks, since it starts a thread."""
    return make_tracing(load_settings())


def make_tracing(settings: Settings, exporter: "SpanExporter | None" = None) -> Tracing:
    """Return tracing to the collector in the settings, or to another exporter."""
    if not settings.traces_url and exporter is None:
        return Tracing(None)
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(settings.traces_share)),
        resource=Resource.create({"service.name": "emoscope"}),
    )
    if exporter is not None:
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    else:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        address = f"{settings.traces_url.rstrip('/')}/v1/traces"
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(address, timeout=_EXPORT_TIMEOUT_S)))
    return Tracing(provider.get_tracer("emoscope"))
