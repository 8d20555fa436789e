"""Status of the programs over a socket."""

import socket
import threading
from pathlib import Path

import pytest

from emoscope.stack.status import FAILING_AFTER, ProgramStatus, encode_status, read_status

PROGRAMS = [ProgramStatus("api", 12, 1, 0, None), ProgramStatus("beat", None, 4, FAILING_AFTER, -9)]


def serve(path: Path, content: bytes) -> threading.Thread:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def answer() -> None:
        connection, _ = listener.accept()
        with listener, connection:
            connection.sendall(content)

    thread = threading.Thread(target=answer)
    thread.start()
    return thread


def test_what_the_supervisor_tells_is_read_again(short_tmp: Path) -> None:
    thread = serve(short_tmp / "told.sock", encode_status(PROGRAMS))
    assert read_status(short_tmp / "told.sock") == PROGRAMS
    thread.join()


@pytest.mark.parametrize("content", [b"", b"<html>", b'[{"name": "api"}]', b"7"])
def test_anything_else_is_no_stack(short_tmp: Path, content: bytes) -> None:
    path = short_tmp / f"odd{len(content)}.sock"
    thread = serve(path, content)
    assert read_status(path) is None
    thread.join()


def test_without_a_socket_no_stack_runs(tmp_path: Path) -> None:
    assert read_status(tmp_path / "absent.sock") is None


def test_a_program_that_ended_again_and_again_keeps_failing() -> None:
    assert [program.is_failing for program in PROGRAMS] == [False, True]
    assert "beat keeps failing: it ended 3 times in a row, last with status -9" in PROGRAMS[1].describe()
