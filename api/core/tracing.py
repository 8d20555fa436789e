"""One span per request, below that of a client or proxy that sent `traceparent`."""

from contextlib import AbstractContextManager, ExitStack
from typing import Any, cast

from flask import Flask, Response, g, request

from api.core.server.bridge import MEMO
from emoscope.tracing import bind_trace, make_traceparent, open_tracing, read_traceparent

UNTRACED = frozenset({"/healthz", "/readyz", "/metrics"})
"""Polled every few seconds by machines."""


def register_tracing(app: Flask) -> None:
    """Trace every request of this application, if tracing is enabled."""
    app.before_request(_enter)
    app.after_request(_end)
    app.teardown_request(_leave)


def _enter() -> None:
    g.tracing = stack = ExitStack()
    given = read_traceparent(request.headers.get("traceparent", ""))
    if not open_tracing().is_on or request.path in UNTRACED:
        stack.enter_context(bind_trace(given))
        return
    memo = request.environ.get(MEMO, {})  # a parked request runs again and continues its span
    g.span = memo.get("span")
    if g.span is None:
        route = request.url_rule.rule if request.url_rule is not None else "(none)"
        told = {"http.request.method": request.method, "http.route": route, "emoscope.request_id": g.request_id}
        g.span = memo["span"] = open_tracing().start(
            f"{request.method} {route}", "server", parent=given, attributes=told
        )
    from opentelemetry.trace import use_span

    stack.enter_context(cast("AbstractContextManager[Any]", use_span(g.span)))
    stack.enter_context(bind_trace(make_traceparent(g.span)))


def _end(response: Response) -> Response:
    span = g.get("span")
    if span is not None:
        span.set_attribute("http.response.status_code", response.status_code)
        span.end()
    return response


def _leave(_error: BaseException | None) -> None:
    stack = g.pop("tracing", None)
    if stack is not None:
        stack.close()
