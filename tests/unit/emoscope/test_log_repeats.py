"""Repeated lines are summarized, without losing lines of other kinds."""

import io
import logging
from collections.abc import Iterator

import pytest

from emoscope.log_repeats import SummingHandler


class Clock:
    """Seconds that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(clock: Clock) -> Iterator[tuple[logging.Logger, io.StringIO]]:
    stream = io.StringIO()
    logger = logging.Logger("test")  # noqa: LOG001  # one of its own, that no other test writes to
    logger.addHandler(SummingHandler(stream, clock))
    yield logger, stream
    logger.handlers[0].close()


def read_lines(stream: io.StringIO) -> list[str]:
    return stream.getvalue().splitlines()


def test_what_repeats_is_written_five_times_a_minute_and_then_counted(
    log: tuple[logging.Logger, io.StringIO], clock: Clock
) -> None:
    logger, stream = log
    for second in range(120):
        clock.now = second
        logger.warning("job %s was not taken: %s", second, "the database is away")
    lines = read_lines(stream)
    assert len(lines) == 11
    assert lines[5] == "repeated: job %s was not taken: %s (55 more within 60 s)"


def test_what_was_counted_is_told_with_the_next_line_of_any_kind_or_at_the_end(
    log: tuple[logging.Logger, io.StringIO], clock: Clock
) -> None:
    logger, stream = log
    for _ in range(7):
        logger.error("away")
    clock.now = 60
    logger.info("a job is done")
    assert read_lines(stream)[-2:] == ["repeated: away (2 more within 60 s)", "a job is done"]
    for _ in range(6):
        logger.error("away again")
    logger.handlers[0].close()
    assert read_lines(stream)[-1] == "repeated: away again (1 more within 60 s)"


def test_lines_that_differ_in_ids_and_counts_are_of_one_kind(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = log
    for number in range(100):
        logger.error(f"task 0192aabb-0000-7000-8000-00000000{number:04} failed after {number} s")  # noqa: G004
    assert len(read_lines(stream)) == 5


def test_other_kinds_and_quiet_lines_are_written(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = log
    for number in range(50):
        logger.error("away")
        logger.info("job %s is done", number)
    logger.error("something else")
    lines = read_lines(stream)
    assert sum(line.startswith("job ") for line in lines) == 50
    assert lines[-1] == "something else"


def test_endless_kinds_take_bounded_memory(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, _ = log
    for number in range(2000):
        logger.error(f"kind {'x' * (number % 250)}{chr(97 + number % 26) * 3}")  # noqa: G004
    [handler] = logger.handlers
    assert isinstance(handler, SummingHandler)
    assert len(handler._kinds) <= 500
