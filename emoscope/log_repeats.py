"""A log handler that summarizes repeated lines, so that an outage can't fill a disk."""

import logging
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

_BURST = 5
"""Maximum number of equal lines per window. The attempts of a short outage are logged individually."""
_WINDOW_S = 60.0
_MOST_KINDS = 500
_VARYING = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+")


@dataclass(slots=True)
class _Kind:
    """Lines with the same logger, level and event in one window."""

    began: float
    level: int
    count: int = 0


class SummingHandler(logging.StreamHandler[TextIO]):
    """Writes the first lines of a kind in each minute, and then the number of further ones.

    Warnings and errors are of the same kind if logger and event are equal, whatever job or address they name. Lines of normal
    operation, one per request or job, aren't summarized. Thread-safe.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(stream)
        self._clock = clock
        self._kinds: OrderedDict[tuple[str, str], _Kind] = OrderedDict()
        self._counting = threading.Lock()

    def handle(self, record: logging.LogRecord) -> bool:
        """Write the record, or count it."""
        now = self._clock()
        for summary in self._end_windows(now):
            super().handle(summary)
        if record.levelno >= logging.WARNING and not self._count(record, now):
            return False
        return super().handle(record)

    def close(self) -> None:
        """Write the pending counts when the process ends."""
        for summary in self._end_windows(float("inf")):
            super().handle(summary)
        super().close()

    def _count(self, record: logging.LogRecord, now: float) -> bool:
        """Return whether the record may be written."""
        name = (record.name, _name_event(record))
        with self._counting:
            kind = self._kinds.get(name)
            if kind is None:
                if len(self._kinds) >= _MOST_KINDS:
                    self._kinds.popitem(last=False)
                kind = self._kinds[name] = _Kind(now, record.levelno)
            kind.count += 1
            return kind.count <= _BURST

    def _end_windows(self, now: float) -> list[logging.LogRecord]:
        """Remove expired windows. Returns a summary line for each with suppressed lines."""
        summaries = []
        with self._counting:
            while self._kinds:
                (logger, event), kind = next(iter(self._kinds.items()))
                if now - kind.began < _WINDOW_S:
                    break
                self._kinds.popitem(last=False)
                if kind.count > _BURST:
                    text, values = "repeated: %s (%d more within %d s)", (event, kind.count - _BURST, int(_WINDOW_S))
                    summaries.append(logging.LogRecord(logger, kind.level, "", 0, text, values, None))
        return summaries


def _name_event(record: logging.LogRecord) -> str:
    """Return the constant part of the line's message."""
    event = record.msg.get("event", "") if isinstance(record.msg, dict) else record.msg
    error = record.exc_info[0] if isinstance(record.exc_info, tuple) else None
    text = " ".join(_VARYING.sub("#", str(event)[:300]).split())
    return f"{text} {error.__name__}" if error is not None else text
