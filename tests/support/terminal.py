"""A terminal with one program in it. If that program doesn't end, the test is told what still runs."""

import contextlib
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.acceptance.conftest import list_processes

_COLOURS = re.compile(rb"\x1b\[[0-9;]*m")


class Terminal:
    """A terminal in which `emoscope up` runs."""

    def __init__(self, folder: Path, port: int, current: Path) -> None:
        """folder: the data folder. current: the current folder. Raises OSError."""
        self._folder = folder
        self._screen, terminal = pty.openpty()
        command = [
            str(Path(sys.executable).with_name("emoscope")),
            "up",
            "--port",
            str(port),
            "--data-dir",
            str(folder),
        ]
        # The first terminal that the leader of a session opens becomes the session's own.
        self.process = subprocess.Popen(
            ["sh", "-c", 'exec "$@" <"$0"', os.ttyname(terminal), *command],
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
            env=os.environ | {"COLUMNS": "500"},
            cwd=current,
        )
        os.close(terminal)

    def read_until(self, words: bytes) -> str:
        said = b""
        while words not in said:
            try:
                said += os.read(self._screen, 4096)
            except OSError:  # nobody has the terminal open any more
                pytest.fail(f"{self.process.args!r} ended, after: {said.decode()}")
        return _COLOURS.sub(b"", said).decode()

    def press_ctrl_c(self) -> None:
        os.write(self._screen, b"\x03")

    def close(self) -> None:
        os.close(self._screen)

    def wait(self, timeout_s: float = 100) -> int:
        """Wait for the end of the program, and return its status. Fails the test where it doesn't end."""
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            pytest.fail(f"`emoscope up` goes on after {timeout_s:g} s\n{self._describe()}")

    def _describe(self) -> str:
        """Which signals it was sent, ignores or blocks, which of its processes run, who has the terminal."""
        status = Path(f"/proc/{self.process.pid}/status")  # Linux only
        lines = status.read_text().splitlines() if status.exists() else []
        running = []
        for process in list_processes(self._folder).values():
            with contextlib.suppress(psutil.Error):  # it has ended since
                running.append(f"{process.pid} {process.status()} {' '.join(process.cmdline())}")
        holders = {path.parts[2] for path in Path("/proc").glob("[0-9]*/fd/*") if _opens_a_terminal(path)}
        return "\n".join(
            [
                *(line for line in lines if line.startswith(("State", "Sig", "Shd"))),
                *running,
                f"this is {os.getpid()}; terminals' other ends are open in {sorted(holders)}",
            ]
        )


def _opens_a_terminal(path: Path) -> bool:
    try:
        return str(path.readlink()).endswith("ptmx")
    except OSError:  # it has been closed since
        return False
