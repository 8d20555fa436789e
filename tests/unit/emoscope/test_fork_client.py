"""Programs started by a real fork server."""

import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from emoscope.fork_client import ForkFailed, ForkServer, start_server
from tests.support.waiting import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the fork server needs Linux")

PYTHON = (sys.executable, "-P")
TELLS = """
import json, os, random, sys
print(json.dumps({
    "pid": os.getpid(), "parent": os.getppid(), "session": os.getsid(0), "argv": sys.argv, "original": sys.orig_argv,
    "home": os.environ.get("HOME"), "told": os.environ.get("TOLD"), "name": __name__, "chance": random.random(),
    "loaded": "decimal" in sys.modules, "folder": os.getcwd(), "open": sorted(map(int, os.listdir("/proc/self/fd"))),
}))
sys.exit(7)
"""
SLEEPS = "import time; print('sleeping', flush=True); time.sleep(600)"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ForkServer]:
    started = start_server(PYTHON, ["decimal"], os.environ, str(tmp_path))
    yield started
    started.close()


def start(server: ForkServer, words: list[str], environment: Mapping[str, str] | None = None) -> tuple[int, int]:
    """Start a program. Returns its process id, and the descriptor of its output."""
    reading, writing = os.pipe()
    command = [*PYTHON, "-c", *words]
    try:
        pid = server.start(command, environment or os.environ, {1: writing, 2: writing}, is_session=True)
    finally:
        os.close(writing)
    return pid, reading


def read_all(descriptor: int) -> str:
    with os.fdopen(descriptor) as stream:
        return stream.read()


def wait_for_lines(descriptor: int, count: int) -> bytes:
    lines = b""
    while lines.count(b"\n") < count:
        lines += os.read(descriptor, 100)
    return lines


def test_a_program_is_like_a_fresh_one_with_the_modules_imported(server: ForkServer, tmp_path: Path) -> None:
    pid, output = start(server, [TELLS, "one", "two words"], {"TOLD": "yes"})
    told = json.loads(read_all(output))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    assert (told["pid"], told["parent"], told["session"]) == (pid, os.getpid(), pid)
    assert told["argv"] == ["-c", "one", "two words"]
    assert told["original"] == [*PYTHON, "-c", TELLS, "one", "two words"]
    assert (told["home"], told["told"]) == (None, "yes")
    assert (told["name"], told["loaded"], told["folder"]) == ("__main__", True, str(tmp_path))
    assert told["open"][:3] == [0, 1, 2]
    assert len(told["open"]) == 4, "the fourth is that of the folder it lists"


def test_programs_draw_different_random_numbers(server: ForkServer) -> None:
    outputs = [start(server, [TELLS]) for _ in range(2)]
    drawn = {json.loads(read_all(output))["chance"] for _, output in outputs}
    for pid, _ in outputs:
        os.waitpid(pid, 0)
    assert len(drawn) == 2


def test_a_program_is_shown_by_its_command_line(server: ForkServer) -> None:
    pid, output = start(server, [SLEEPS, "--log-level", "INFO"])
    wait_for_lines(output, 1)
    assert " ".join(psutil.Process(pid).cmdline()) == " ".join([*PYTHON, "-c", SLEEPS, "--log-level", "INFO"])
    assert psutil.Process(server.pid).cmdline()[2:4] == ["-m", "emoscope.fork_server"]
    os.kill(pid, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    os.close(output)


def test_a_module_runs_as_by_minus_m(server: ForkServer, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    pid = server.start([*PYTHON, "-m", "json.tool", "--help"], os.environ, {1: writing})
    os.close(writing)
    assert "usage:" in read_all(reading)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_what_is_started_outlives_the_server(server: ForkServer) -> None:
    pid, output = start(server, [SLEEPS])
    wait_for_lines(output, 1)
    server.close()
    assert os.waitpid(pid, os.WNOHANG) == (0, 0)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(output)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=lambda number: number.name)
def test_a_server_that_is_gone_or_hangs_starts_nothing(
    server: ForkServer, number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emoscope.fork_client._ANSWER_TIMEOUT_S", 0.2)
    assert server.wait_until_loaded(60)
    os.kill(server.pid, number)
    with pytest.raises(ForkFailed):
        start(server, [f"open({str(tmp_path / 'ran')!r}, 'w')"])
    assert server.is_gone
    assert not psutil.pid_exists(server.pid)
    assert not (tmp_path / "ran").exists()


def test_a_process_that_its_parent_never_heard_of_does_not_run(
    server: ForkServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose_answer(_self: ForkServer) -> dict[str, int]:
        raise ForkFailed

    assert server.wait_until_loaded(60)
    monkeypatch.setattr(ForkServer, "_read_answer", lose_answer)
    with pytest.raises(ForkFailed):
        start(server, [f"open({str(tmp_path / 'ran')!r}, 'w')"])
    pid, status = os.wait()
    assert pid != server.pid
    assert os.waitstatus_to_exitcode(status) == 0
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("missing", "ModuleNotFoundError: No module named 'missing'"),
        ("ends", "SystemExit: invalid settings"),
        ("threads", "this process has 2 threads"),
    ],
)
def test_a_server_that_cannot_fork_says_why(tmp_path: Path, module: str, said: str) -> None:
    (tmp_path / "ends.py").write_text("raise SystemExit('invalid settings')")
    (tmp_path / "threads.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()"
    )
    path = os.pathsep.join([str(tmp_path), *sys.path])
    server = start_server(PYTHON, [module], os.environ | {"PYTHONPATH": path}, str(tmp_path))
    with pytest.raises(ForkFailed, match=said):
        server.wait_until_loaded(60)
    assert server.is_gone


FORKS_HERE = f"""
import os, signal, sys
from emoscope.fork_client import fork_server
server = fork_server(["decimal"])
pid = server.start([sys.executable, "-P", "-c", {SLEEPS!r}], os.environ, {{}})
print(server.pid, pid, flush=True)
signal.pause()
"""


def test_a_server_ends_with_the_process_that_forked_it(server: ForkServer) -> None:
    pid, output = start(server, [FORKS_HERE])
    lines = wait_for_lines(output, 2)
    inner, program = (int(word) for word in lines.replace(b"sleeping", b"").split())
    assert psutil.Process(program).ppid() == pid, "it forks for the one that asks, not for the outer process"
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    wait_until(
        lambda: not psutil.pid_exists(inner) or psutil.Process(inner).status() == psutil.STATUS_ZOMBIE, "it ends"
    )
    os.kill(program, signal.SIGKILL)
    os.close(output)


def test_programs_collect_garbage(server: ForkServer) -> None:
    """The server imports its modules without."""
    pid, output = start(server, ["import gc; print(gc.isenabled(), gc.get_freeze_count() > 0)"])
    assert read_all(output) == "True True\n"
    os.waitpid(pid, 0)
