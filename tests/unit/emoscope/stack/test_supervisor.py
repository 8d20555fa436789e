"""The supervisor as a process, with small programs in place of those of the service."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from emoscope.stack.plan import ForkPlan, Plan, Program
from emoscope.stack.status import ProgramStatus, read_status
from tests.support.waiting import wait_until

# Stands for the API: says that all of it works, once the supervisor has told it how the programs are.
API = """
import http.server, socket, sys
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with socket.socket(socket.AF_UNIX) as asked:
            asked.connect("stack.sock")
            self.send_response(200 if b'"api"' in asked.recv(9999) else 503)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Ready).serve_forever()
"""
SLEEPS = "import time; print('sleeping', flush=True); time.sleep(600)"
FAILS = "import sys; print('no such file', flush=True); sys.exit(7)"
HAS_CHILD = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-S", "-c", {SLEEPS!r}])
print("child", child.pid, flush=True)
time.sleep(600)
"""
# Each ends when it is told to, and says when; one that has a friend ends only when that one has been told too.
ENDS = """
import pathlib, signal, sys, time
def end(*_):
    print(time.monotonic_ns(), flush=True)
    while len(sys.argv) > 1 and not pathlib.Path(sys.argv[1]).read_text().strip().partition("ready")[2]:
        time.sleep(0.01)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
while True:
    signal.pause()
"""
# Stands for Valkey: says that a message lies in the queue while there is a file of the queue's name.
QUEUE = """
import os, socket
with socket.socket(socket.AF_UNIX) as listener:
    listener.bind("queue.sock")
    listener.listen()
    while True:
        asked = listener.accept()[0]
        if os.fork():
            continue
        while question := asked.recv(99):
            name = question.split()[1].decode() if question.startswith(b"LLEN") else ""
            asked.sendall(b":%d\\r\\n" % os.path.exists(name) if name else b"+PONG\\r\\n")
        os._exit(0)
"""
# Takes the message and ends: with an error where there is a file that says so.
TAKES = """
import os, sys
print("runs", flush=True)
if os.path.exists("broken"):
    os.remove("broken")
    sys.exit(3)
os.remove("training")
"""
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); signal.pause()"
QUICK_TO_KILL = """
import sys
from emoscope.stack import supervisor
supervisor._STOP_TIMEOUT_S = 0.2
sys.exit(supervisor.main(sys.argv[1:]))
"""


ROOT = Path(__file__).parents[4]
FRESH_AND_FORKED = pytest.mark.parametrize(
    "forks",
    [
        False,
        pytest.param(True, marks=pytest.mark.skipif(sys.platform != "linux", reason="the fork server needs Linux")),
    ],
    ids=["fresh", "forked"],
)


class Running:
    """A supervisor with the programs of a test."""

    def __init__(
        self, folder: Path, programs: dict[str, list[str]], steps: dict[str, int], before: list[str], *, forks: bool
    ) -> None:
        self.folder = folder
        (folder / "logs").mkdir()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        commands = {"api": [API, str(port)]} | programs
        plan = Plan(
            data_dir=str(folder),
            programs=[
                Program(
                    name,
                    [sys.executable, "-S", "-c", *words],
                    {"TOLD": name},
                    steps.get(name, 9),
                    is_forked=forks,
                    ready_socket=str(folder / "queue.sock") if name == "valkey" else None,
                    wake_queue="training" if name == "on_demand" else None,
                )
                for name, words in commands.items()
            ],
            working_dir=str(folder),
            status_socket=str(folder / "stack.sock"),
            ready_host="127.0.0.1",
            ready_port=port,
            greeting="hello",
            fork_server=ForkPlan([sys.executable, "-S"], ["decimal"], {"PYTHONPATH": str(ROOT)}) if forks else None,
        )
        (folder / "lock").write_text(plan.to_json())
        with (folder / "lock").open() as lock:
            self.process = subprocess.Popen(
                [*before, str(lock.fileno()), "lines"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                pass_fds=[lock.fileno()],
            )

    def wait_until_ready(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if json.loads(line) == {"ready": "hello"}:
                return
        pytest.fail("the supervisor ended")

    def find(self, name: str) -> ProgramStatus:
        found = read_status(self.folder / "stack.sock")
        assert found is not None
        return next(program for program in found if program.name == name)

    def read_log(self, name: str) -> str:
        path = self.folder / "logs" / f"{name}.log"
        return path.read_text() if path.exists() else ""

    def stop(self) -> int:
        assert self.process.stdin is not None
        self.process.stdin.close()
        status = self.process.wait(30)
        self.close()
        return status

    def close(self) -> None:
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


Start = Callable[..., Running]


@pytest.fixture
def start(short_tmp: Path) -> Iterator[Start]:
    """Start a supervisor. Keyword arguments: the words of each program after `python -c`."""
    running: list[Running] = []

    def start(
        *,
        steps: dict[str, int] | None = None,
        before: tuple[str, ...] = ("-P", "-m", "emoscope.stack.supervisor"),
        shell: tuple[str, ...] = (),
        forks: bool = False,
        **programs: list[str],
    ) -> Running:
        folder = short_tmp / f"supervisor-{os.urandom(4).hex()}"
        folder.mkdir()
        running.append(Running(folder, programs, steps or {}, [*shell, sys.executable, *before], forks=forks))
        return running[-1]

    yield start
    for each in running:
        descendants = psutil.Process(each.process.pid).children(recursive=True) if each.process.poll() is None else []
        for process in descendants:
            process.kill()
        each.process.kill()
        each.process.wait(30)
        each.close()


@FRESH_AND_FORKED
def test_a_killed_program_starts_again_without_its_old_processes(start: Start, *, forks: bool) -> None:
    running = start(worker=[HAS_CHILD], forks=forks)
    running.wait_until_ready()
    wait_until(lambda: "sleeping" in running.read_log("worker"), "the child runs")
    pid, child = running.find("worker").pid, int(running.read_log("worker").split()[1])
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: running.find("worker").pid not in {None, pid}, "it runs again")
    now = running.find("worker")
    assert (now.starts, now.failures, now.exit_status, now.is_failing) == (2, 1, -signal.SIGKILL, False)
    wait_until(lambda: not psutil.pid_exists(child), "the old child is gone")
    assert f"the worker ({pid}) ended with status -9; it is restarted in 0 s" in running.read_log("stack")
    assert running.stop() == 0


def find_fork_server(running: Running) -> psutil.Process:
    children = psutil.Process(running.process.pid).children()
    return next(process for process in children if "emoscope.fork_server" in " ".join(process.cmdline()))


@pytest.mark.skipif(sys.platform != "linux", reason="the fork server needs Linux")
def test_a_program_starts_again_without_its_fork_server(start: Start) -> None:
    running = start(worker=[SLEEPS], forks=True)
    running.wait_until_ready()
    server, pid = find_fork_server(running), running.find("worker").pid
    assert pid is not None
    server.kill()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: running.find("worker").pid not in {None, pid}, "it runs again")
    assert "programs are started as fresh processes" in running.read_log("stack")
    assert not psutil.pid_exists(server.pid)
    assert running.stop() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="the fork server needs Linux")
def test_the_fork_server_of_a_killed_supervisor_ends(start: Start) -> None:
    running = start(worker=[SLEEPS], forks=True)
    running.wait_until_ready()
    server = find_fork_server(running)
    programs = [process for process in psutil.Process(running.process.pid).children() if process != server]
    running.process.kill()
    server.wait(30)
    for process in programs:
        assert process.is_running()
        process.kill()


def test_a_program_that_keeps_failing_after_the_start_is_named_and_not_given_up(start: Start) -> None:
    running = start(worker=[f"import os, sys\nif os.path.exists('broken'): sys.exit(3)\n{SLEEPS}"])
    running.wait_until_ready()
    (running.folder / "broken").touch()
    pid = running.find("worker").pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: running.find("worker").is_failing, "it counts as failing")
    assert running.find("worker").exit_status == 3
    assert not running.find("api").is_failing
    (running.folder / "broken").unlink()
    wait_until(lambda: running.find("worker").pid is not None, "it is started all the same")


def test_a_program_that_keeps_failing_at_the_start_is_an_error_with_the_end_of_its_log(start: Start) -> None:
    running = start(api=[SLEEPS], worker=[FAILS])
    assert running.process.stdout is not None
    error = json.loads(running.process.stdout.read().splitlines()[-1])["error"]
    assert error.startswith("the worker keeps failing: it ended 3 times in a row, last with status 7. Its log, ")
    assert error.endswith("no such file\nno such file\nno such file")
    assert running.process.wait(30) == 1


def test_a_program_without_its_file_is_an_error_too(start: Start, tmp_path: Path) -> None:
    running = start(api=[SLEEPS], worker=[FAILS])
    plan = json.loads((running.folder / "lock").read_text())
    assert plan["programs"][1]["name"] == "worker"
    running.stop()
    plan["programs"][1]["command"] = [str(tmp_path / "missing")]
    with (running.folder / "lock").open("w+") as lock:
        lock.write(json.dumps(plan))
        lock.flush()
        command = [sys.executable, "-P", "-m", "emoscope.stack.supervisor", str(lock.fileno())]
        done = subprocess.run(
            command, pass_fds=[lock.fileno()], capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 1
    assert "Error: the worker keeps failing" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
@FRESH_AND_FORKED
def test_signals_stop_all_of_it_once(start: Start, number: signal.Signals, *, forks: bool) -> None:
    """A terminal that closes says so twice, and people press Ctrl-C twice."""
    running = start(worker=[ENDS], forks=forks)
    running.wait_until_ready()
    pids = [process.pid for process in psutil.Process(running.process.pid).children()]
    assert len(pids) == (3 if forks else 2)
    for again in (number, signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
        running.process.send_signal(again)
    assert running.process.wait(30) == 0
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert not (running.folder / "stack.sock").exists()


def test_under_nohup_the_end_of_the_terminal_stays_unheard(start: Start) -> None:
    running = start(shell=("sh", "-c", 'trap "" HUP; exec "$0" "$@"'), worker=[SLEEPS])
    running.wait_until_ready()
    running.process.send_signal(signal.SIGHUP)
    assert running.find("worker").pid is not None
    assert running.stop() == 0


def test_a_program_on_demand_runs_for_each_message_and_is_started_again_if_it_fails(start: Start) -> None:
    running = start(valkey=[QUEUE], on_demand=[TAKES])
    running.wait_until_ready()
    assert (running.find("on_demand").pid, running.find("on_demand").starts) == (None, 0)
    for count in (1, 2):
        (running.folder / "training").touch()
        wait_until(lambda: not (running.folder / "training").exists(), "the message is taken")
        wait_until(lambda: running.find("on_demand").exit_status == 0, "it has ended")
        assert (running.find("on_demand").starts, running.find("on_demand").failures) == (count, 0)
    (running.folder / "broken").touch()
    (running.folder / "training").touch()
    wait_until(lambda: not (running.folder / "training").exists(), "the message is taken at the second try")
    assert running.find("on_demand").starts == 4
    assert running.stop() == 0


def test_a_signal_during_the_start_stops_what_has_started(start: Start) -> None:
    running = start(api=[SLEEPS], worker=[ENDS])
    wait_until(lambda: "ready" in running.read_log("worker"), "it runs")
    pid = running.find("worker").pid
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(30) == 130
    assert pid is not None
    assert not psutil.pid_exists(pid)


def test_programs_are_stopped_step_by_step(start: Start) -> None:
    """Those of one step are told together, so that stopping takes as long as the slowest, not as all of them."""
    names = ("queue", "worker", "trainer", "beat")
    running = start(
        steps={"beat": 0, "worker": 1, "trainer": 1, "queue": 2},
        **{name: [ENDS] for name in ("queue", "beat")},
        worker=[ENDS, "logs/trainer.log"],
        trainer=[ENDS, "logs/worker.log"],
    )
    running.wait_until_ready()
    wait_until(lambda: all("ready" in running.read_log(name) for name in names), "all run")
    assert running.stop() == 0
    told = {name: int(running.read_log(name).split()[1]) for name in names}
    order = sorted(names, key=told.__getitem__)
    assert (order[0], order[-1]) == ("beat", "queue")
    assert "ended with status -9" not in running.read_log("stack")


def test_a_program_that_does_not_end_is_killed(start: Start) -> None:
    running = start(before=("-c", QUICK_TO_KILL), worker=[DEAF])
    running.wait_until_ready()
    wait_until(lambda: "ready" in running.read_log("worker"), "it runs")
    running.stop()
    assert f"({_find_pid(running, 'worker')}) ended with status -9" in running.read_log("stack")


def _find_pid(running: Running, name: str) -> int:
    noted = json.loads((running.folder / "stack.json").read_text())
    return int(next(each["pid"] for each in noted if each["name"] == name))


@FRESH_AND_FORKED
def test_programs_do_not_hold_the_lock(start: Start, *, forks: bool) -> None:
    """Else nobody could start a stack while something that a killed one left still runs."""
    running = start(
        worker=["import os; print(os.listdir('/proc/self/fd'), flush=True); import time; time.sleep(600)"], forks=forks
    )
    running.wait_until_ready()
    wait_until(lambda: running.read_log("worker"), "it has said so")
    worker = psutil.Process(running.find("worker").pid)
    assert not [file.path for file in worker.open_files() if file.path.endswith("lock")]


def test_the_supervisor_stays_small(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """14.6 MB; with pydantic or http.client it would be twice as much."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)  # `make coverage` would measure in that process too
    running = start(worker=[SLEEPS], forks=True)
    running.wait_until_ready()
    assert psutil.Process(running.process.pid).memory_info().rss < 22_000_000
