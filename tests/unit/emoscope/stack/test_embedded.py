"""What keeps a stack from starting is a sentence, and leaves nothing running; what interrupts it is never lost."""

import contextlib
import fcntl
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from emoscope.local_client import read_local_client
from emoscope.settings import Settings
from emoscope.stack import processes
from emoscope.stack.embedded import Stack, StackError
from tests.support.signals import uninterrupted


def make_settings(folder: Path, **options: object) -> Settings:
    return Settings(_env_file=None, data_dir=folder, **options)  # type: ignore[arg-type]


def start(settings: Settings) -> None:
    with Stack(settings, lambda _step: None):
        raise AssertionError("the stack has started")


@pytest.mark.parametrize(
    ("family", "host", "shown"),
    [(socket.AF_INET, "127.0.0.1", r"127\.0\.0\.1"), (socket.AF_INET6, "::1", r"\[::1\]")],
)
def test_a_port_that_is_taken_is_named(tmp_path: Path, family: socket.AddressFamily, host: str, shown: str) -> None:
    with socket.socket(family) as other:
        other.bind((host, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(StackError, match=rf"can't listen on {shown}:{port}.*--port"):
            start(make_settings(tmp_path, host=host, port=port))


def test_clients_of_an_ipv6_address_are_told_a_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stack's own processes end at once here: the address is written down before they start."""
    monkeypatch.setattr(processes, "list_commands", lambda _settings: {"api": [sys.executable, "-c", ""]})
    with pytest.raises(StackError, match="the process 'api' ended"):
        start(make_settings(tmp_path, host="::1", port=0))
    client = read_local_client(tmp_path)
    assert client is not None
    assert client.api_url == "http://[::1]:0"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match=r"can't use the data folder .*EMOSCOPE_DATA_DIR"):
        start(make_settings(tmp_path / "file" / "data"))


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    usage = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage)
    with pytest.raises(StackError, match="only 1 MB are free"):
        start(make_settings(tmp_path))


def test_a_second_stack_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    with (tmp_path / "stack.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(StackError, match="a stack already runs"):
            start(make_settings(tmp_path))


def test_an_interrupt_does_not_cut_off_the_look_at_the_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would leave a lock taken that stopping needs."""
    stack = Stack(make_settings(tmp_path), lambda _step: None)
    looked = []

    def look() -> None:
        signal.raise_signal(signal.SIGINT)
        looked.append(1)

    monkeypatch.setattr(stack._processes, "check_alive", look)
    with stack._interrupts.listen(), uninterrupted():
        stack.wait()
    assert looked == [1]


def test_an_interrupt_that_was_lost_while_the_stack_starts_stops_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        processes, "list_commands", lambda _settings: {"api": [sys.executable, "-c", "import time; time.sleep(600)"]}
    )

    def lose_an_interrupt(_step: str) -> None:
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

    stack = Stack(make_settings(tmp_path, port=0), lose_an_interrupt)
    with pytest.raises(KeyboardInterrupt), stack:
        raise AssertionError("the stack has started")
    assert all(process.returncode is not None for process in stack._processes._running.values())


@pytest.mark.parametrize("program", ["valkey-server", "stands for the API"])
def test_what_had_just_started_when_the_interrupt_came_is_stopped_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    made = []

    class Interrupted(subprocess.Popen[bytes]):
        def __init__(self, command: list[str], **options: object) -> None:
            super().__init__(command, **options)  # type: ignore[call-overload]
            made.append(self)
            if any(program in word for word in command):
                signal.raise_signal(signal.SIGINT)

    api = [sys.executable, "-c", "import time; time.sleep(600)  # stands for the API"]
    monkeypatch.setattr(processes, "list_commands", lambda _settings: {"api": api})
    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    try:
        with pytest.raises(KeyboardInterrupt):
            start(make_settings(tmp_path, port=0))
        assert made
        assert all(process.poll() is not None for process in made)
    finally:
        for process in made:
            process.kill()


def test_stopping_is_not_interrupted(tmp_path: Path) -> None:
    stack = Stack(make_settings(tmp_path), lambda _step: None)
    stack._cleanup.enter_context(stack._interrupts.listen())
    stack._cleanup.callback(lambda: signal.raise_signal(signal.SIGINT))
    with uninterrupted():
        stack.__exit__()
