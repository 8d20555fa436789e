"""Log configuration of every process: readable lines, or one JSON object per line."""

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
    """Add the job, the request that submitted it, and its trace to the log lines inside the block."""
    known = {"job_id": str(job_id)} | ({"request_id": request_id} if request_id else {})
    if traceparent:
        known["trace_id"] = traceparent.split("-")[1]
    with structlog.contextvars.bound_contextvars(**known):
        yield


def configure_logs(level: str, line_format: Literal["text", "json"]) -> None:
    """Write lines of structlog and the standard library to stderr in one format. Call it once, when a process starts.

    During outages of any length the number of lines stays small: see `SummingHandler`.
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
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it logs two lines at each look at the schema
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        cache_logger_on_first_use=True,
    )
