import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from structlog.contextvars import get_contextvars

from emoscope import tracing
from emoscope.settings import Settings
from emoscope.tracing import (
    Tracing,
    bind_trace,
    find_current_traceparent,
    make_traceparent,
    make_tracing,
    read_traceparent,
)

PARENT = f"00-{'a' * 32}-{'b' * 16}-01"


def make_settings(**more: object) -> Settings:
    return Settings(_env_file=None, **more)  # type: ignore[arg-type]


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def on(exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch) -> Tracing:
    made = make_tracing(make_settings(), exporter)
    monkeypatch.setattr(tracing, "open_tracing", lambda: made)
    return made


def test_without_the_setting_a_span_goes_nowhere_and_lines_still_name_the_clients_trace() -> None:
    off = make_tracing(make_settings())
    assert not off.is_on
    with off.span("nothing", parent=PARENT):
        assert get_contextvars()["trace_id"] == "a" * 32
        assert find_current_traceparent() == PARENT
    with off.span("nothing"):
        assert "trace_id" not in get_contextvars()
        assert find_current_traceparent() is None


def test_spans_nest_and_go_on_with_a_trace_that_another_process_began(
    on: Tracing, exporter: InMemorySpanExporter
) -> None:
    with on.span("outer", "server", parent=PARENT, colour="red", nothing=None):
        assert get_contextvars()["trace_id"] == "a" * 32
        inner = find_current_traceparent()
        with on.span("inner"):
            pass
    first, second = exporter.get_finished_spans()
    assert (first.name, second.name) == ("inner", "outer")
    assert first.parent is not None
    assert second.parent is not None
    assert first.parent.span_id == second.context.span_id
    assert f"{second.parent.span_id:016x}" == "b" * 16
    assert dict(second.attributes or {}) == {"colour": "red"}
    assert inner == f"00-{'a' * 32}-{second.context.span_id:016x}-01"


def test_what_a_block_raises_is_recorded(on: Tracing, exporter: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="broken"), on.span("fails"):
        raise ValueError("broken")
    (span,) = exporter.get_finished_spans()
    assert not span.status.is_ok
    assert span.events[0].name == "exception"


def test_a_share_of_zero_traces_only_what_clients_ask_for(exporter: InMemorySpanExporter) -> None:
    made = make_tracing(make_settings(traces_share=0), exporter)
    with made.span("ours"):
        pass
    with made.span("theirs", parent=PARENT):
        pass
    assert [span.name for span in exporter.get_finished_spans()] == ["theirs"]


@pytest.mark.parametrize("header", ["", "00-x-y-01", PARENT + "\n", f"00-{'A' * 32}-{'b' * 16}-01"])
def test_a_header_of_another_form_is_not_taken(header: str) -> None:
    assert read_traceparent(header) is None
    assert read_traceparent(PARENT) == PARENT
    with bind_trace(header):
        assert "trace_id" not in get_contextvars()


def test_no_span_has_no_traceparent() -> None:
    assert make_traceparent(None) is None
