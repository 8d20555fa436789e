"""Log lines of outages and of bugs."""

import io
import logging
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
import structlog
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.exc import OperationalError as DatabaseAway

from emoscope.log_lines import is_outage
from emoscope.logging import configure_logs
from tests.support.logs import restore_logs


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Where lines go that are logged in the service's form."""
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    with restore_logs():
        configure_logs("INFO", "json")
        yield stream


def ask_a_database_that_is_away() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
    engine = create_engine(f"postgresql+psycopg://u:secret@{address}/x")
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))


def ask_a_queue_that_is_away() -> None:
    redis.Redis.from_url("unix:///nowhere/v.sock").ping()


@pytest.mark.parametrize("ask", [ask_a_database_that_is_away, ask_a_queue_that_is_away])
@pytest.mark.parametrize("logger", [logging.getLogger("celery.app.trace"), structlog.get_logger("ours")])
def test_an_outage_is_one_line_whoever_logs_it(stream: io.StringIO, ask: Callable[[], None], logger: Any) -> None:
    try:
        ask()
    except Exception:
        logger.exception("it failed")
    [line] = stream.getvalue().splitlines()
    assert "Traceback" not in line
    assert '"event": "it failed"' in line
    assert '"error": "' in line


def test_a_fault_of_ours_keeps_its_traceback(stream: io.StringIO) -> None:
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        structlog.get_logger("ours").exception("analysis_crashed")
    assert "Traceback" in stream.getvalue()


def test_a_value_is_bounded_and_stays_on_its_line(stream: io.StringIO) -> None:
    structlog.get_logger("ours").warning(
        "lease_not_renewed", reason="it is away\n[SQL: UPDATE jobs]\n(Background" + "x" * 9
    )
    structlog.get_logger("ours").warning("other", reason="y" * 100_000)
    first, second = stream.getvalue().splitlines()
    assert '"reason": "it is away"' in first
    assert len(second) < 1_300


def test_alembic_stays_quiet(stream: io.StringIO) -> None:
    logging.getLogger("alembic.runtime.migration").info("Context impl SQLiteImpl.")
    assert not stream.getvalue()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (DatabaseAway("SELECT 1", {}, Exception("away")), True),
        (DBAPIError("SELECT 1", {}, Exception("terminating connection due to administrator command")), True),
        (ProgrammingError("SELECT 1", {}, Exception("no such column")), False),
        (redis.ConnectionError(), True),
        (redis.ResponseError("MISCONF the disk is full"), True),
        (redis.ResponseError("WRONGTYPE a key of another kind"), False),
        (ConnectionResetError(), True),
        (KeyError("x"), False),
    ],
)
def test_what_counts_as_an_outage(error: BaseException, expected: object) -> None:
    assert is_outage(error) is expected


def test_no_value_has_a_terminal_do_something(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with restore_logs():
        configure_logs("INFO", "text")
        structlog.get_logger("test").warning("told", reason="a\x1b[2J\x9b2J\rb\u202ec", path="/x\u2028FAKE")
    line = capsys.readouterr().err
    assert r"a\x1b[2J\x9b2J\rb\u202ec" in line
    assert r"/x\u2028FAKE" in line
