"""Log lines of every process: for people on a terminal, or one JSON object a line for machines."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal
from uuid import UUID

import structlog
from structlog.typing import Processor

from emoscope.log_lines import bound_values, shorten_outages
from emoscope.log_repeats import SummingHandler


@contextmanager
def bind_job(job_id: UUID, request_id: str | None, traceparent: str | None = None) -> Iterator[None]:
    """Have the log lines inside the block name the job, the request that submitted it, and its trace."""
    known = {"job_id": str(job_id)} | ({"request_id": request_id} if request_id else {})
    if traceparent:
        known["trace_id"] = traceparent.split("-")[1]
    with structlog.contextvars.bound_contextvars(**known):
        yield


def configure_logs(level: str, line_format: Literal["text", "json"]) -> None:
    """Send structlog's and the standard library's lines to stderr in one form. Call it once, at a process's start.

    Whatever is away and for however long, the lines of a process stay few: see `SummingHandler`.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: Processor = (
        structlog.processors.JSONRenderer()
        if line_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = SummingHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                shorten_outages,
                structlog.processors.format_exc_info,
                bound_values,
                last,
            ],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # two lines at each look at the schema
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        cache_logger_on_first_use=True,
    )
