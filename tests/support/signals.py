"""Signals that the process sends to itself."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Fail the test if the block is interrupted, which would end the whole run."""
    try:
        yield
    except KeyboardInterrupt:
        pytest.fail("interrupted")
