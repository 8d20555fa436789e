"""Starts and stops the whole service on one machine: an embedded Valkey, the API, the workers and beat."""

import contextlib
import json
import os
import subprocess
import sys
from types import TracebackType
from typing import NoReturn, Self

from emoscope.settings import Settings
from emoscope.stack.preparation import PreparedStack, Progress, StackError, prepare_stack
from emoscope.stack.status import read_status
from emoscope_client.address import Address

__all__ = ["Stack", "StackError", "become_supervisor"]

_STOP_TIMEOUT_S = 90
"""Longer than the supervisor needs for all programs if each of them must be killed."""


def become_supervisor(prepared: PreparedStack) -> NoReturn:
    """Replace this process by the stack's supervisor, which needs a sixth of its memory."""
    os.set_inheritable(prepared.lock, True)  # noqa: FBT003
    command = _make_command(prepared.lock)
    os.execv(command[0], command)  # noqa: S606


class Stack:
    """A stack for the length of a `with` block: entered when it is ready, left when all of its programs have ended.

    The supervisor is a process of its own, and stops the stack when this process ends in any way.
    """

    def __init__(self, settings: Settings, progress: Progress) -> None:
        """progress: called with each step in a few words."""
        self.settings = settings
        self.progress = progress
        self.client: Address | None = None
        self._supervisor: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        prepared = prepare_stack(self.settings, self.progress)
        self.settings, self.client = prepared.settings, prepared.client
        self.progress("starting the API and the workers")
        try:
            self._start(prepared)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def find_pid(self, name: str) -> int:
        """Return the process id of one of the stack's programs, such as `api`. Raises StackError if it isn't running."""
        for program in read_status(self.settings.stack_socket) or ():
            if program.name == name and program.pid is not None:
                return program.pid
        raise StackError(f"the {name} doesn't run")

    def _start(self, prepared: PreparedStack) -> None:
        try:
            self._supervisor = subprocess.Popen(
                [*_make_command(prepared.lock), "lines"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                pass_fds=[prepared.lock],
                start_new_session=True,  # in its own session: on Ctrl-C this process stops it in order
            )
        finally:
            os.close(prepared.lock)
        assert self._supervisor.stdout is not None
        for line in self._supervisor.stdout:
            said = json.loads(line)
            if "ready" in said:
                return
            if "error" in said:
                raise StackError(said["error"])
            self.progress(said["step"])
        raise StackError(f"the supervisor ended. Its log is {self.settings.data_dir / 'logs' / 'stack.log'}.")

    def _stop(self) -> None:
        if self._supervisor is None:
            return
        with contextlib.suppress(OSError):
            # closes the supervisor's stdin; at its end the supervisor stops the stack
            self._supervisor.communicate(timeout=_STOP_TIMEOUT_S)


def _make_command(lock: int) -> list[str]:
    return [sys.executable, "-P", "-m", "emoscope.stack.supervisor", str(lock)]
