"""Starts Python programs by a fork server (`emoscope.fork_server`). Standard library only, like the supervisor that uses it."""

import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence

from emoscope.fork_server import GO, TITLE_ROOM, Request, check_single_thread, run, serve, set_title

IS_SUPPORTED = sys.platform == "linux"
_PR_SET_CHILD_SUBREAPER = 36
"""See prctl(2)."""
_ANSWER_TIMEOUT_S = 10.0
"""A fork takes milliseconds; a busy machine delays it."""


class ForkFailed(OSError):
    """The fork server can't start programs any more. They can still be started as fresh processes."""


class ForkServer:
    """A fork server that belongs to this process and ends with it. Programs that it starts are this process's children."""

    def __init__(self, control: socket.socket, pid: int) -> None:
        """control: this end of the server's socket. pid: of the server, a child of this process."""
        self.pid = pid
        self._control = control
        self._is_loaded = False
        self._is_gone = False

    @property
    def is_gone(self) -> bool:
        """Whether it has failed. Then it isn't asked any more."""
        return self._is_gone

    def wait_until_loaded(self, timeout_s: float) -> bool:
        """Wait until it has imported its modules. Returns whether it has. Raises ForkFailed."""
        if not self._is_loaded and self._has_answered(timeout_s):
            self._read_answer()
            self._is_loaded = True
        return self._is_loaded

    def start(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        descriptors: Mapping[int, int],
        *,
        is_session: bool = False,
        load_timeout_s: float = 60.0,
    ) -> int:
        """Start a Python program. Returns its process id. Raises ForkFailed; then nothing was started.

        command: `python [OPTIONS] -m MODULE` or `-c CODE`, and arguments. environment: all of its variables.
        descriptors: number in the program -> descriptor of this process. is_session: whether it leads a session of its own.
        """
        going, letting_go = os.pipe()
        try:
            if not self.wait_until_loaded(load_timeout_s):
                raise self._give_up(f"it hasn't imported its modules within {load_timeout_s:g} s")
            request = Request(command, list(descriptors), dict(environment), is_session).to_json()
            _become_subreaper(is_one=True)
            try:
                pid = self._ask(request, [going, *descriptors.values()])
            finally:
                _become_subreaper(is_one=False)
            # until now it waits, so that a process that this one doesn't know of never runs
            os.write(letting_go, GO)
        finally:
            os.close(going)
            os.close(letting_go)
        return pid

    def close(self) -> None:
        """End it. What it has started goes on."""
        if not self._is_gone:
            self._is_gone = True
            self._control.close()
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)

    def _ask(self, request: bytes, descriptors: Sequence[int]) -> int:
        try:
            socket.send_fds(self._control, [request], descriptors)
        except OSError as error:
            raise self._give_up(str(error)) from error
        if not self._has_answered(_ANSWER_TIMEOUT_S):
            raise self._give_up(f"it hasn't answered within {_ANSWER_TIMEOUT_S:g} s")
        return int(self._read_answer()["pid"])

    def _has_answered(self, timeout_s: float) -> bool:
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        return bool(poll.poll(timeout_s * 1000))

    def _read_answer(self) -> dict[str, int]:
        try:
            text = self._control.recv(1000)
        except OSError as error:
            raise self._give_up(str(error)) from error
        if not text:
            raise self._give_up("it has ended")
        answer: dict[str, int] = json.loads(text)
        if "error" in answer:
            raise self._give_up(str(answer["error"]))
        return answer

    def _give_up(self, reason: str) -> ForkFailed:
        self.close()
        return ForkFailed(f"the fork server can't start programs: {reason}")


def start_server(
    python: Sequence[str], modules: Sequence[str], environment: Mapping[str, str], working_dir: str
) -> ForkServer:
    """Start a fork server as a fresh process. Raises OSError.

    python: interpreter and its options. modules: imported once, in this order. environment: all of its variables, with which
    modules are imported.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        command = [*python, "-m", "emoscope.fork_server", str(theirs.fileno()), *modules, TITLE_ROOM]
        started = subprocess.Popen(
            command,
            env=environment,
            cwd=working_dir,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
    started.returncode = 0  # `ForkServer` waits for it
    return ForkServer(ours, started.pid)


def fork_server(modules: Sequence[str]) -> ForkServer:
    """Fork a fork server from this process. Raises CannotFork if it has more threads than one: their locks would stay taken.

    In the programs that the server starts this call doesn't return: it raises SystemExit when they end.
    """
    check_single_thread()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid:
        theirs.close()
        return ForkServer(ours, pid)
    ours.close()
    set_title(" ".join([sys.executable, "-P", "-m", "emoscope.fork_server", *modules]))
    run(serve(theirs, modules))
    sys.exit(0)


def _become_subreaper(*, is_one: bool) -> None:
    """Let grandchildren whose parent has ended become children of this process, or of the system's first process again."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, int(is_one), 0, 0, 0)
