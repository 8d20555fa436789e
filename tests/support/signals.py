"""Signals that the process sends to itself."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Fail the test if the block is interrupted; otherwise the signal would end the whole test run."""
    try:
        yield
    except KeyboardInterrupt:
        pytest.fail("interrupted")
