"""What configure_logs changes holds for the whole process, so a test that calls it has to take it back."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog


@contextmanager
def restore_logs() -> Iterator[None]:
    """Put the root logger and structlog back at the end. Else later tests log to a stream that is closed by then."""
    root = logging.getLogger()
    handlers, level, configuration = root.handlers[:], root.level, structlog.get_config()
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.configure(**configuration)
