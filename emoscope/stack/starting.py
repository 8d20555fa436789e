"""Starts programs: forked from a process that has imported their modules, or as fresh processes."""

import os
import subprocess
import time
from collections.abc import Callable
from typing import Protocol

from emoscope.fork_client import IS_SUPPORTED, ForkFailed, ForkServer, start_server
from emoscope.stack.plan import ForkPlan, Program

_LOAD_TIMEOUT_S = 30.0
"""The modules take a second; a busy machine delays them."""


class Started(Protocol):
    """A started program, a child of this process."""

    pid: int
    returncode: int | None
    """Exit status, or minus the signal that ended it; None until `poll` has seen its end."""

    def poll(self) -> int | None:
        """Return the exit status, or None while it runs."""


class ForkedProgram:
    """A program that the fork server has started."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit status, or None while it runs."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


def start_fresh(program: Program, working_dir: str, output: int) -> Started:
    """Start a program as a fresh process. Raises OSError. output: descriptor that it writes to."""
    return subprocess.Popen(
        program.command,
        env=os.environ | program.environment,
        cwd=working_dir,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        # in its own process group, so that Ctrl-C reaches only the supervisor, and all of it can be killed
        start_new_session=True,
    )


class Starter:
    """Starts programs by a fork server while that works."""

    def __init__(self, plan: ForkPlan | None, working_dir: str, note: Callable[[str], None]) -> None:
        """plan: None starts every program as a fresh process. note: called with a line for the log."""
        self._plan = plan if IS_SUPPORTED else None
        self._working_dir = working_dir
        self._note = note
        self._server: ForkServer | None = None
        self._load_until = 0.0

    def open(self) -> None:
        """Start the server. It imports its modules while this process goes on."""
        if self._plan is None:
            return
        self._load_until = time.monotonic() + _LOAD_TIMEOUT_S
        try:
            self._server = start_server(
                self._plan.python, self._plan.modules, os.environ | self._plan.environment, self._working_dir
            )
        except OSError as error:
            self._note(f"the fork server can't be started: {error}")

    def is_loading(self) -> bool:
        """Whether the server still imports its modules."""
        if self._server is None:
            return False
        try:
            if self._server.wait_until_loaded(0):
                return False
        except ForkFailed as error:
            self._give_up(str(error))
            return False
        if time.monotonic() >= self._load_until:
            self._give_up(f"the fork server hasn't imported its modules within {_LOAD_TIMEOUT_S:g} s")
        return self._server is not None

    def start(self, program: Program, working_dir: str, output: int) -> Started:
        """Start a program. Raises OSError. output: descriptor that it writes to."""
        if self._server is not None and program.is_forked:
            environment = os.environ | program.environment
            try:
                return ForkedProgram(
                    self._server.start(program.command, environment, {1: output, 2: output}, is_session=True)
                )
            except ForkFailed as error:
                self._give_up(str(error))
        return start_fresh(program, working_dir, output)

    def close(self) -> None:
        """End the server. What it has started goes on."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def _give_up(self, reason: str) -> None:
        self._note(f"{reason}; programs are started as fresh processes")
        self.close()
