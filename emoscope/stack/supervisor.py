"""Keeps the programs of the one-machine stack running: `python -P -m emoscope.stack.supervisor LOCK_FD`.

Programs that end are restarted, without limit once the stack was ready. One thread waits for everything: ends and output of
programs, signals, and status requests. Only the standard library is imported, to keep this process small. Why no library is used:
docs/decisions/0600.
"""

import contextlib
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from emoscope.stack.frozen import FrozenPrograms
from emoscope.stack.leftovers import record_started
from emoscope.stack.log_files import LogFile
from emoscope.stack.plan import Plan
from emoscope.stack.programs import SupervisedProgram
from emoscope.stack.readiness import ReadinessProbe
from emoscope.stack.reports import LineReporter, Reporter, TerminalReporter
from emoscope.stack.silent import SilentSocket
from emoscope.stack.starting import Starter
from emoscope.stack.status import encode_status
from emoscope.stack.waiting import WaitingMessages

_READY_TIMEOUT_S = 120
_SOCKET_TIMEOUT_S = 10
_STOP_TIMEOUT_S = 20
_KILL_TIMEOUT_S = 5
_READ_BYTES = 65_536
_TURN_S = 1.0
_START_TURN_S = 0.05
_PROBE_TIMEOUT_S = 5


class StartFailed(Exception):
    """The stack can't start; the message says why."""


class _Told(Exception):
    """The supervisor was asked to stop during its start."""


class Supervisor:
    """Runs the programs of a plan until it is asked to stop."""

    def __init__(self, plan: Plan, reporter: Reporter) -> None:
        self._plan = plan
        self._reporter = reporter
        self._logs = Path(plan.data_dir) / "logs"
        self._own_log = LogFile(self._logs / "stack.log")
        self._programs = [SupervisedProgram(program, plan.working_dir, self._logs) for program in plan.programs]
        self._starter = Starter(plan.fork_server, plan.working_dir, self._note)
        self._selector = selectors.DefaultSelector()
        self._frozen = FrozenPrograms(Path(plan.data_dir))
        self._sockets = {
            program.name: SilentSocket(program.ready_socket) for program in plan.programs if program.ready_socket
        }
        # one queue socket at most: that of Valkey
        queue_socket = next((program.ready_socket for program in plan.programs if program.ready_socket), None)
        self._waiting = {
            program.name: WaitingMessages(queue_socket, program.wake_queue)
            for program in plan.programs
            if program.wake_queue is not None and queue_socket is not None
        }
        self._is_told = False
        self._is_stopping = False

    def run(self, stop_descriptor: int | None = None) -> int:
        """Start the programs, keep them running until a signal arrives, and stop them in order. Returns the exit status.

        stop_descriptor: the end of this stream also stops the stack.
        """
        with contextlib.ExitStack() as cleanup:
            cleanup.enter_context(self._hear_signals())
            cleanup.enter_context(self._answer_status())
            if stop_descriptor is not None:
                self._selector.register(stop_descriptor, selectors.EVENT_READ, self._hear_end)
            cleanup.callback(self._stop)
            cleanup.callback(self._starter.close)
            try:
                self._start()
            except StartFailed as error:
                self._note(str(error))
                self._reporter.fail(str(error))
                return 1
            except _Told:
                return 130
            self._note("the stack is ready")
            self._reporter.ready(self._plan.greeting)
            while not self._is_told:
                self._turn(_TURN_S)
            self._reporter.step("stopping")
        return 0

    def _start(self) -> None:
        self._starter.open()
        for program in self._programs:
            if program.is_asleep:
                continue
            while program.plan.is_forked and self._starter.is_loading():
                self._take_start_turn()
            self._start_program(program)
            if program.plan.ready_socket is not None:
                self._wait_for_socket(program, program.plan.ready_socket)
        end = time.monotonic() + _READY_TIMEOUT_S
        missing = ""
        while time.monotonic() < end:
            self._take_start_turn()
            said, missing = missing, self._find_missing()
            if not missing:
                return
            if missing != said:
                self._reporter.step(f"waiting for {missing}")
        raise StartFailed(
            f"not ready after {_READY_TIMEOUT_S} seconds: waiting for {missing}. The logs are in {self._logs}."
        )

    def _find_missing(self) -> str:
        """Return what the stack still waits for, in a few words; empty if it is ready."""
        with contextlib.closing(ReadinessProbe(self._selector, self._plan.ready_host, self._plan.ready_port)) as probe:
            end = time.monotonic() + _PROBE_TIMEOUT_S
            while probe.missing is None and time.monotonic() < end:
                self._take_start_turn()
            return "the API" if probe.missing is None else probe.missing

    def _take_start_turn(self) -> None:
        """Run a turn before the stack is ready for the first time: then a failing program is an error that is reported at once."""
        self._turn(_START_TURN_S)
        if self._is_told:
            raise _Told
        for program in self._programs:
            if program.is_failing:
                raise StartFailed(
                    f"{program.describe()}. Its log, {program.log.path}, ends:\n{program.log.read_tail()}"
                )

    def _wait_for_socket(self, program: SupervisedProgram, path: str) -> None:
        end = time.monotonic() + _SOCKET_TIMEOUT_S
        while time.monotonic() < end:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(1)
                if connection.connect_ex(path) == 0:
                    return
            self._take_start_turn()
        raise StartFailed(
            f"the {program.plan.name} doesn't answer. Its log, {program.log.path}, ends:\n{program.log.read_tail()}"
        )

    def _start_program(self, program: SupervisedProgram) -> None:
        try:
            output = program.start(self._starter.start)
        except OSError as error:
            self._note(f"the {program.plan.name} can't be started: {error}")
            return
        self._selector.register(output, selectors.EVENT_READ, program)
        assert program.pid is not None
        # On a full disk the record is lost; a later stack then can't stop what this one leaves.
        with contextlib.suppress(OSError):
            record_started(Path(self._plan.data_dir), program.plan.name, program.pid)

    def _turn(self, timeout_s: float) -> None:
        """Wait for an event, and handle it."""
        now = time.monotonic()
        due = [program.restart_at for program in self._programs if program.restart_at is not None]
        wait_s = timeout_s if self._is_stopping else min([timeout_s, *(max(0.0, at - now) for at in due)])
        for key, _events in self._selector.select(wait_s):
            if isinstance(key.data, SupervisedProgram):
                self._read_output(key.fd, key.data)
            else:
                key.data(key.fileobj)
        self._kill_frozen()
        for program in self._programs:
            if program.has_ended():
                self._note(program.note_end(is_stopping=self._is_stopping))
        if self._is_stopping:
            return
        now = time.monotonic()
        for program in self._programs:
            is_due = program.restart_at is not None and program.restart_at <= now
            if is_due or (program.is_asleep and self._waiting[program.plan.name].have_come(now)):
                self._start_program(program)

    def _kill_frozen(self) -> None:
        running = {program.pid: program for program in self._programs if program.pid is not None}
        now = time.monotonic()
        silent = [
            pid
            for pid, program in running.items()
            if program.plan.name in self._sockets and self._sockets[program.plan.name].is_silent(now)
        ]
        for pid in {*self._frozen.find(running), *silent}:
            self._note(f"the {running[pid].plan.name} ({pid}) hangs and is killed")
            running[pid].send(signal.SIGKILL)

    def _read_output(self, descriptor: int, program: SupervisedProgram) -> None:
        data = os.read(descriptor, _READ_BYTES)
        if data:
            program.log.write(data)
        else:
            self._selector.unregister(descriptor)
            os.close(descriptor)

    def _stop(self) -> None:
        self._is_stopping = True
        for step in sorted({program.plan.stop_step for program in self._programs}):
            together = [program for program in self._programs if program.plan.stop_step == step]
            for number, timeout_s in ((signal.SIGTERM, _STOP_TIMEOUT_S), (signal.SIGKILL, _KILL_TIMEOUT_S)):
                for program in together:
                    program.send(number)
                end = time.monotonic() + timeout_s
                while any(program.pid is not None for program in together) and time.monotonic() < end:
                    self._turn(min(_TURN_S, max(0.0, end - time.monotonic())))
        self._note("the stack has stopped")

    def _note(self, text: str) -> None:
        self._own_log.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {text}\n".encode())

    @contextlib.contextmanager
    def _hear_signals(self) -> Iterator[None]:
        """Let signals only set a flag and wake the loop. SIGINT or SIGHUP that are ignored, as under nohup, stay ignored."""
        reading, writing = socket.socketpair()
        reading.setblocking(False)  # noqa: FBT003
        writing.setblocking(False)  # noqa: FBT003
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._hear_signal)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)  # wakes the loop
        signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
        self._selector.register(reading, selectors.EVENT_READ, lambda wakes: wakes.recv(_READ_BYTES))
        try:
            yield
        finally:
            signal.set_wakeup_fd(-1)
            reading.close()
            writing.close()

    def _hear_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._is_told = True

    def _hear_end(self, descriptor: int) -> None:
        if not os.read(descriptor, _READ_BYTES):
            self._selector.unregister(descriptor)
            self._is_told = True

    @contextlib.contextmanager
    def _answer_status(self) -> Iterator[None]:
        path = Path(self._plan.status_socket)
        with socket.socket(socket.AF_UNIX) as listener:
            path.unlink(missing_ok=True)
            listener.bind(str(path))
            listener.listen()
            listener.setblocking(False)  # noqa: FBT003
            self._selector.register(listener, selectors.EVENT_READ, self._tell_status)
            yield
        path.unlink(missing_ok=True)

    def _tell_status(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                connection.setblocking(False)  # noqa: FBT003 - the answer fits into the socket's buffer
                connection.send(encode_status([program.to_status() for program in self._programs]))


def main(arguments: list[str]) -> int:
    """Run the plan in the stack's lock file. arguments: descriptor of that file, and `lines` for JSON lines."""
    os.umask(0o077)
    lock = int(arguments[0])
    os.set_inheritable(lock, False)  # noqa: FBT003 - a program must not hold the lock when this process is gone
    text = os.pread(lock, os.fstat(lock).st_size, 0).decode()
    is_started_by_program = arguments[1:] == ["lines"]
    reporter: Reporter = LineReporter() if is_started_by_program else TerminalReporter()
    return Supervisor(Plan.from_json(text), reporter).run(sys.stdin.fileno() if is_started_by_program else None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
