"""A question to a socket that answers, says nothing, hangs up, or isn't there."""

import socket
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from emoscope.stack.question import Question


@pytest.fixture
def listener(short_tmp: Path) -> Iterator[tuple[socket.socket, str]]:
    path = str(short_tmp / f"{uuid4().hex[:8]}.sock")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        yield listening, path


def test_what_was_answered_comes_at_the_next_call(listener: tuple[socket.socket, str]) -> None:
    listening, path = listener
    question = Question(path, "PING")
    assert question.ask() is None
    with listening.accept()[0] as asked:
        assert asked.recv(99) == b"PING\r\n"
        assert question.ask() is None, "it doesn't wait for the answer"
        asked.sendall(b"+PONG\r\n")
        answer = None
        while answer is None:  # it was sent before, on the same machine
            answer = question.ask()
        assert answer == b"+PONG\r\n"
    question.close()


def test_a_connection_that_is_cut_is_made_anew(listener: tuple[socket.socket, str]) -> None:
    listening, path = listener
    question = Question(path, "PING")
    question.ask()
    listening.accept()[0].close()
    with pytest.raises(OSError, match=r"closed|reset|pipe"):
        [question.ask() for _ in range(3)]
    assert question.ask() is None
    with listening.accept()[0] as asked:
        assert asked.recv(99) == b"PING\r\n"
    question.close()


def test_nobody_who_listens_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        Question(str(tmp_path / "none.sock"), "PING").ask()
