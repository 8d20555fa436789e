"""`emoscope up` in a real terminal: interrupted, closed, and started after a killed stack."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.acceptance.conftest import find_free_port, list_processes
from tests.support.terminal import Terminal
from tests.support.waiting import wait_until

READY = b"Stop it with Ctrl-C"


@contextmanager
def run_up(folder: Path, port: int) -> Iterator[Terminal]:
    """Run it where another project lies, whose modules have the names of ours."""
    current = folder.with_name("other project")
    for name in ("api", "db", "worker", "redis"):
        (current / name).mkdir(parents=True, exist_ok=True)
        (current / name / "__init__.py").write_text("raise SystemExit('imported from the current folder')")
    terminal = Terminal(folder, port, current)
    try:
        yield terminal
    finally:
        terminal.process.kill()
        terminal.process.wait()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "my data"
    yield path
    for process in list_processes(path).values():
        process.kill()


def list_open_to_others(folder: Path) -> list[Path]:
    return [path for path in [folder, *folder.rglob("*")] if path.stat().st_mode & 0o077]


def test_up_serves_until_it_is_interrupted_and_leaves_no_process_behind(folder: Path) -> None:
    port = find_free_port()
    with run_up(folder, port) as terminal:
        said = terminal.read_until(READY)
        assert f"http://127.0.0.1:{port}" in said
        assert "user create NAME --role administrator" in said
        assert len(list_processes(folder)) > 5
        assert list_open_to_others(folder) == []
        terminal.press_ctrl_c()
        assert terminal.wait() == 0
        terminal.close()
    assert not list_processes(folder)
    # The terminal tells all of the group; the queue must stay until the workers have stopped.
    log = (folder / "logs" / "valkey.log").read_text()
    assert ("Received SIGTERM" in log, "Received SIGINT" in log) == (True, False)


def test_the_next_stack_stops_what_a_killed_one_left_and_stops_itself_when_its_terminal_closes(folder: Path) -> None:
    port = find_free_port()
    with run_up(folder, port) as killed:
        killed.read_until(READY)
        killed.process.kill()
        killed.process.wait()
        killed.close()
    left = list_processes(folder)
    assert len(left) > 5
    with run_up(folder, port) as terminal:
        said = terminal.read_until(READY)
        assert "stopping what an earlier stack left running: valkey, api, worker, housekeeper, beat" in said
        assert not set(left) & set(list_processes(folder))
        terminal.close()
        assert terminal.wait() == 0
    wait_until(lambda: not list_processes(folder), "all of its processes have ended")
