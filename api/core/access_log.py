"""One log line per request, except health checks, metrics and static files, which would be most of the lines."""

from time import perf_counter

import structlog
from flask import Flask, Response, g, request

from api.core.server.bridge import MEMO
from api.core.tracing import UNTRACED

log = structlog.get_logger(__name__)


def register_access_log(app: Flask, *, is_on: bool) -> None:
    """Log the requests of this application."""
    if is_on:
        app.before_request(_begin)
        app.after_request(_log)


def _begin() -> None:
    memo = request.environ.get(MEMO, {})  # a parked request runs more than once
    g.began = memo.setdefault("began", perf_counter())


def _log(response: Response) -> Response:
    rule = request.url_rule
    if request.path in UNTRACED or (rule is not None and rule.endpoint.endswith("static")):
        return response
    caller = g.get("caller")
    log.info(
        "request",
        method=request.method,
        route=rule.rule if rule is not None else "(none)",  # the path may contain private data
        status=response.status_code,
        ms=round((perf_counter() - g.get("began", perf_counter())) * 1000, 1),
        bytes=response.content_length if not response.is_streamed else None,
        by=caller.name if caller is not None else None,
        **({"job_id": str(job_id)} if (job_id := (request.view_args or {}).get("job_id") or g.get("job_id")) else {}),
    )
    return response
