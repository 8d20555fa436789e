"""Real processes stand for those of a stack that was killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emoscope.stack import leftovers
from emoscope.stack.leftovers import LeftoverStays, record_started, stop_leftovers

Start = Callable[[str], subprocess.Popen[str]]

PLAIN = "import time; print(flush=True); time.sleep(600)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {PLAIN}"


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a program, and wait until it runs."""
    started: list[subprocess.Popen[str]] = []

    def start(program: str) -> subprocess.Popen[str]:
        process = subprocess.Popen([sys.executable, "-S", "-c", program], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def stop(folder: Path, **options: float) -> list[str]:
    said: list[str] = []
    stop_leftovers(folder, said.append, **options)
    return said


def test_what_was_left_running_is_stopped_the_last_first_and_told(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes = [start(PLAIN) for _ in range(3)]
    for name, process in zip(("api", "worker", "beat"), processes, strict=True):
        record_started(tmp_path, name, process.pid)
    processes[1].kill()
    processes[1].wait()
    sent: list[int] = []
    kill = os.kill

    def note_and_kill(pid: int, number: int) -> None:
        sent.append(pid)
        kill(pid, number)

    monkeypatch.setattr(os, "kill", note_and_kill)
    assert stop(tmp_path) == ["stopping what an earlier stack left running: api, beat"]
    assert sent == [processes[2].pid, processes[0].pid]
    assert [process.wait(10) for process in processes] == [-signal.SIGTERM, -signal.SIGKILL, -signal.SIGTERM]
    assert stop(tmp_path) == []


def test_one_that_does_not_hear_is_killed(tmp_path: Path, start: Start) -> None:
    process = start(DEAF)
    record_started(tmp_path, "worker", process.pid)
    stop(tmp_path, timeout_s=0.3)
    assert process.wait(10) == -signal.SIGKILL


@pytest.mark.parametrize("part", [0, 1], ids=["another boot", "another moment"])
def test_a_process_that_has_the_number_of_another_is_left_alone(tmp_path: Path, start: Start, part: int) -> None:
    process = start(PLAIN)
    record_started(tmp_path, "api", process.pid)
    [noted] = json.loads((tmp_path / "stack.json").read_text())
    words = noted["since"].split()
    words[part] = "1"
    (tmp_path / "stack.json").write_text(json.dumps([noted | {"since": " ".join(words)}]))
    assert stop(tmp_path) == []
    assert process.poll() is None


def test_a_name_may_look_like_the_fields_after_it(tmp_path: Path) -> None:
    sleep = shutil.which("sleep")
    assert sleep is not None
    (tmp_path / "a) Z 1 (b").symlink_to(sleep)
    with subprocess.Popen([tmp_path / "a) Z 1 (b", "600"]) as process:
        record_started(tmp_path, "odd", process.pid)
        assert stop(tmp_path) == ["stopping what an earlier stack left running: odd"]
        assert process.wait(10) == -signal.SIGTERM


def test_one_of_another_user_is_named_and_stays_noted(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_pid: int, _number: int) -> None:
        raise PermissionError

    process = start(PLAIN)
    record_started(tmp_path, "api", process.pid)
    with monkeypatch.context() as patch:
        patch.setattr(os, "kill", refuse)
        with pytest.raises(LeftoverStays, match=rf"{process.pid} \('api'\).*EMOSCOPE_DATA_DIR"):
            stop(tmp_path)
    assert stop(tmp_path) == ["stopping what an earlier stack left running: api"]


@pytest.mark.parametrize("content", ["", "{", "[4711]", '[{"name": "api"}]'])
def test_a_file_that_cannot_be_read_keeps_nothing_from_starting(tmp_path: Path, content: str) -> None:
    (tmp_path / "stack.json").write_text(content)
    assert stop(tmp_path) == []


def test_where_the_kernel_does_not_say_when_a_process_started_none_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "_PROC", tmp_path / "proc")
    record_started(tmp_path, "api", os.getpid())
    assert list(tmp_path.iterdir()) == []
