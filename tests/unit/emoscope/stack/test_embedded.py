"""What keeps a stack from starting is a sentence, and leaves nothing running."""

import fcntl
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from emoscope.fork_client import IS_SUPPORTED
from emoscope.settings import Settings
from emoscope.stack import preparation
from emoscope.stack.embedded import Stack, StackError
from emoscope.stack.plan import Plan, Program
from emoscope.stack.preparation import prepare_stack
from emoscope.stack.processes import make_plan
from emoscope_client.address import read_local_address
from tests.support.waiting import wait_until


def make_settings(folder: Path, **options: object) -> Settings:
    return Settings(_env_file=None, data_dir=folder, **options)  # type: ignore[arg-type]


def start(settings: Settings) -> None:
    with Stack(settings, lambda _step: None):
        raise AssertionError("the stack has started")


@pytest.fixture
def unprovisioned(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database takes seconds, and isn't what these tests are about."""
    monkeypatch.setattr(preparation, "_provision", lambda _settings, _progress: "key")


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


@pytest.mark.usefixtures("unprovisioned")
@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
def test_port_0_takes_a_free_port_and_tells_it(tmp_path: Path, host: str, shown: str) -> None:
    prepared = prepare_stack(make_settings(tmp_path, host=host, port=0), lambda _step: None)
    os.close(prepared.lock)
    assert prepared.settings.port > 0
    assert read_local_address(tmp_path) == prepared.client
    assert prepared.client.api_url == f"http://{shown}:{prepared.settings.port}"
    assert prepared.plan.ready_port == prepared.settings.port
    [api] = [program for program in prepared.plan.programs if program.name == "api"]
    assert api.environment["EMOSCOPE_PORT"] == str(prepared.settings.port)


@pytest.mark.usefixtures("unprovisioned")
def test_what_is_not_this_process_can_read_the_plan_from_the_lock(tmp_path: Path) -> None:
    (tmp_path / "stack.lock").write_text("x" * 100_000)  # of an earlier stack
    prepared = prepare_stack(make_settings(tmp_path, port=0), lambda _step: None, lambda client: client.api_url)
    os.close(prepared.lock)
    assert Plan.from_json((tmp_path / "stack.lock").read_text()) == prepared.plan
    assert prepared.plan.greeting == prepared.client.api_url


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match=r"can't use the data folder .*EMOSCOPE_DATA_DIR"):
        start(make_settings(tmp_path / "file" / "data"))


READ_ONLY = """
import os, sys
from pathlib import Path
from emoscope.stack.embedded import StackError
from emoscope.stack.preparation import prepare_stack
from emoscope.fork_client import IS_SUPPORTED
from emoscope.settings import Settings
if os.getuid() == 0:
    os.setuid(65534)
try:
    prepare_stack(Settings(_env_file=None, data_dir=Path(sys.argv[1]), port=0), print)
except StackError as error:
    print("StackError:", error)
"""


@pytest.mark.parametrize("mode", [0o555, 0o755], ids=["read-only", "of another user"])
def test_a_folder_that_cannot_be_written_is_named(short_tmp: Path, mode: int) -> None:
    """Also where it has logs of an earlier stack. The superuser may write anywhere, so another user looks."""
    folder = short_tmp / f"read-only-{mode:o}"
    (folder / "logs").mkdir(parents=True)
    if os.getuid() == 0:
        for path in (folder / "logs", folder):
            os.chown(path, *((65534, 65534) if mode == 0o555 else (0, 0)))
    for path in (folder / "logs", folder):
        path.chmod(mode)
    done = subprocess.run(
        [sys.executable, "-c", READ_ONLY, str(folder)], capture_output=True, text=True, timeout=60, check=False
    )
    if mode == 0o755 and os.getuid() != 0:
        pytest.skip("only the superuser can give a folder to another user")
    folder.chmod(0o700)
    assert "StackError: can't use the data folder" in done.stdout, done.stderr


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_sockets_in_a_folder_that_anybody_may_make_are_refused(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A data folder with a long path has its sockets under /tmp."""
    settings = make_settings(short_tmp / ("long" * 25), port=0)
    assert settings.runtime_dir.parent == Path("/tmp")
    settings.runtime_dir.symlink_to(short_tmp)
    try:
        with pytest.raises(StackError, match="doesn't belong to this user"):
            start(settings)
    finally:
        settings.runtime_dir.unlink()


def replace_programs(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Let the stack run this program alone."""

    def make_small_plan(settings: Settings, greeting: str) -> Plan:
        small = Program("api", [sys.executable, "-S", "-c", program])
        return replace(make_plan(settings, greeting), programs=[small])

    monkeypatch.setattr(preparation, "make_plan", make_small_plan)


@pytest.mark.usefixtures("unprovisioned")
def test_a_program_that_keeps_ending_is_named_with_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_programs(monkeypatch, "print('no such table')")
    with pytest.raises(StackError, match=r"the api keeps failing[^$]*no such table"):
        start(make_settings(tmp_path, port=0))


@pytest.mark.usefixtures("unprovisioned")
def test_an_interrupt_while_the_stack_starts_leaves_nothing_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_programs(monkeypatch, "import time; time.sleep(600)")
    before = set(psutil.Process().children())  # servers of other tests

    def interrupt(step: str) -> None:
        if step.startswith("waiting for"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Stack(make_settings(tmp_path, port=0), interrupt):
        raise AssertionError("the stack has started")
    wait_until(lambda: set(psutil.Process().children()) <= before, "all has ended")


OWNER = """
import sys
from pathlib import Path
from emoscope.stack import preparation
from emoscope.stack.embedded import Stack
from emoscope.fork_client import IS_SUPPORTED
from emoscope.settings import Settings
from tests.unit.emoscope.stack import test_embedded
import pytest
preparation._provision = lambda *_: "key"
test_embedded.replace_programs(pytest.MonkeyPatch(), "import time; time.sleep(600)")
with Stack(Settings(_env_file=None, data_dir=Path(sys.argv[1]), port=0), lambda step: print(step, flush=True)):
    pass
"""


def test_a_stack_ends_with_the_process_that_started_it_even_if_that_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert any(line.startswith("waiting for") for line in owner.stdout)
        running = psutil.Process(owner.pid).children(recursive=True)
        # the supervisor and a program, and on Linux the fork server
        assert len(running) == (3 if IS_SUPPORTED else 2)
        owner.kill()
    wait_until(
        lambda: not any(process.is_running() and process.status() != "zombie" for process in running), "all has ended"
    )
