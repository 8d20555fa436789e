"""Programs are started by the fork server while it works, and as fresh processes otherwise."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from emoscope.stack import starting
from emoscope.stack.plan import ForkPlan, Program
from emoscope.stack.starting import ForkedProgram, Started, Starter
from tests.support.waiting import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the fork server needs Linux")

PYTHON = [sys.executable, "-P"]
SAYS = Program("worker", [*PYTHON, "-c", "import os, sys; print(os.environ['TOLD']); sys.exit(3)"], {"TOLD": "yes"})
FORKED = Program(SAYS.name, SAYS.command, SAYS.environment, is_forked=True)


@pytest.fixture
def notes() -> list[str]:
    return []


@pytest.fixture
def starter(tmp_path: Path, notes: list[str]) -> Iterator[Starter]:
    made = Starter(ForkPlan(PYTHON, ["decimal"], {}), str(tmp_path), notes.append)
    made.open()
    wait_until(lambda: not made.is_loading(), "it has imported the modules")
    yield made
    made.close()


def run(starter: Starter, program: Program, folder: Path) -> tuple[Started, str]:
    reading, writing = os.pipe()
    started = starter.start(program, str(folder), writing)
    os.close(writing)
    with os.fdopen(reading) as output:
        said = output.read()
    wait_until(lambda: started.poll() is not None, "it has ended")
    return started, said


def test_programs_are_forked_that_may_be(starter: Starter, tmp_path: Path, notes: list[str]) -> None:
    for program, is_forked in ((FORKED, True), (SAYS, False)):
        started, said = run(starter, program, tmp_path)
        assert (isinstance(started, ForkedProgram), said, started.returncode) == (is_forked, "yes\n", 3)
        assert started.poll() == 3
    assert not notes


def test_a_program_that_is_killed_tells_the_signal(starter: Starter, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    command = [*PYTHON, "-c", "print('on', flush=True); import time; time.sleep(600)"]
    started = starter.start(Program("worker", command, is_forked=True), str(tmp_path), writing)
    os.read(reading, 9)
    assert started.poll() is None
    os.killpg(started.pid, signal.SIGKILL)
    wait_until(lambda: started.poll() is not None, "it has ended")
    assert started.returncode == -signal.SIGKILL
    os.close(reading)
    os.close(writing)


def test_without_its_server_a_program_is_a_fresh_process(starter: Starter, tmp_path: Path, notes: list[str]) -> None:
    assert starter._server is not None
    os.kill(starter._server.pid, signal.SIGKILL)
    for _ in range(2):
        started, said = run(starter, FORKED, tmp_path)
        assert (isinstance(started, ForkedProgram), said, started.returncode) == (False, "yes\n", 3)
    [note] = notes
    assert note.startswith("the fork server can't start programs: ")
    assert note.endswith("; programs are started as fresh processes")


def test_a_server_that_never_gets_ready_is_given_up(
    tmp_path: Path, notes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starting, "_LOAD_TIMEOUT_S", 0.0)
    (tmp_path / "sleeps.py").write_text("import time; time.sleep(600)")
    path = {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    starter = Starter(ForkPlan(PYTHON, ["sleeps"], path), str(tmp_path), notes.append)
    starter.open()
    assert not starter.is_loading()
    assert notes == ["the fork server hasn't imported its modules within 0 s; programs are started as fresh processes"]


def test_other_systems_have_no_server(tmp_path: Path, notes: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "IS_SUPPORTED", False)
    starter = Starter(ForkPlan(PYTHON, ["missing"], {}), str(tmp_path), notes.append)
    starter.open()
    assert not starter.is_loading()
    started, _ = run(starter, FORKED, tmp_path)
    assert not isinstance(started, ForkedProgram)
