"""The connections that a process keeps."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from api.core.server import worker as module
from api.core.server.worker import ConnectionLimits, ServerWorker


class Connection:
    """Knows whether it was asked to end."""

    def __init__(self) -> None:
        self.is_ended = False

    def end_idle(self, *, is_reuse_over: bool = True) -> None:
        self.is_ended = is_reuse_over


@pytest.fixture
def worker() -> ServerWorker:
    made = object.__new__(ServerWorker)
    made.limits = ConnectionLimits(1, 1, max_connections=2)
    made._connections, made._without_request, made._late_headers = set(), {}, 0
    return made


def test_of_too_many_the_oldest_without_a_request_ends(worker: ServerWorker) -> None:
    first, second, third, fourth = (Connection() for _ in range(4))
    for connection in (first, second):
        worker.add_connection(connection)  # type: ignore[arg-type]
    worker.note_request(first)  # type: ignore[arg-type]
    worker.add_connection(third)  # type: ignore[arg-type]
    assert [each.is_ended for each in (first, second, third)] == [False, True, False]
    worker.remove_connection(second)  # type: ignore[arg-type]
    worker.remove_connection(first)  # type: ignore[arg-type]
    worker.add_connection(fourth)  # type: ignore[arg-type]
    assert not third.is_ended


def test_late_headers_are_one_line_however_many(worker: ServerWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[dict[str, object]] = []
    log: Callable[..., None] = lambda event, **values: lines.append({"event": event} | values)  # noqa: E731
    monkeypatch.setattr(module, "log", SimpleNamespace(warning=log))
    for _ in range(50):
        worker.count_late_headers()
    worker._log_late_headers()
    worker._log_late_headers()
    assert lines == [{"event": "headers_timed_out", "connections": 50}]
