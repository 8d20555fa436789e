"""Processors of log lines: they limit the length, and omit tracebacks of outages."""

import re
import sys
from typing import Any

from structlog.typing import EventDict

_MOST_CHARS = 1000
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_TOLD_BY_OTHERS = ("timestamp", "level", "logger", "exception", "stack")

_OUTAGES = frozenset(
    {
        # Unavailable database, queue or store. By name, so that no library is imported only for logging.
        "sqlalchemy.exc.OperationalError",
        "sqlalchemy.exc.InterfaceError",
        "sqlalchemy.exc.TimeoutError",
        "redis.exceptions.ConnectionError",
        "redis.exceptions.TimeoutError",
        "kombu.exceptions.OperationalError",
        "kombu.exceptions.ConnectionError",
        "celery.beat.SchedulingError",
        "builtins.ConnectionError",
        "builtins.TimeoutError",
    }
)
_REFUSALS = {
    # PostgreSQL starting or stopping; a queue with a full disk or in read-only mode.
    "sqlalchemy.exc.DBAPIError": re.compile(
        r"terminating connection|server closed the connection|the database system is|connection is lost"
    ),
    "redis.exceptions.ResponseError": re.compile(r"^(MISCONF|READONLY|OOM|LOADING)"),
}
"""Messages of these exceptions during an outage; with other messages they are bugs."""


def shorten_outages(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Replace the traceback of an outage by one line in `error`. Tracebacks are for bugs."""
    exc_info = event.get("exc_info")
    if exc_info is True:
        exc_info = sys.exc_info()
    error = exc_info[1] if isinstance(exc_info, tuple) else exc_info
    if isinstance(error, BaseException) and is_outage(error):
        del event["exc_info"]
        event["error"] = f"{type(error).__name__}: {error}"
    return event


def bound_values(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Truncate long values and remove line breaks. SQLAlchemy appends the statement with its parameters to each error."""
    for key, value in event.items():
        if isinstance(value, str) and key not in _TOLD_BY_OTHERS:
            event[key] = _bound(value)
    return event


def is_outage(error: BaseException) -> bool:
    """Return whether the error means that another service is unavailable."""
    names = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__}
    return bool(names & _OUTAGES) or any(
        pattern.search(str(error)) for name, pattern in _REFUSALS.items() if name in names
    )


def _bound(text: str) -> str:
    text = text.split("\n[SQL: ", 1)[0].split("\n(Background on this error", 1)[0]
    text = " ".join(text.split()) if "\n" in text else text
    text = _CONTROLS.sub(lambda found: ascii(found[0])[1:-1], text)  # a terminal would interpret control characters
    return text if len(text) <= _MOST_CHARS else f"{text[:_MOST_CHARS]} ... ({len(text)} characters)"
