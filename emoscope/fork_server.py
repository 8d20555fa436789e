"""Forks Python programs from a process that has imported their modules: `python -P -m emoscope.fork_server FD MODULE... ROOM`.

Importing the same libraries in each of the stack's processes takes half a second of processor time in each of them, and the
memory. The process that asks (`emoscope.fork_client`) becomes the parent of what is forked: it alone waits for it and signals it.

The server has one thread, no connection and no open file but its socket, and forks only while that is so. Linux only; see
docs/decisions/0603.
"""

import contextlib
import fcntl
import gc
import importlib
import json
import os
import runpy
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Self

MAX_MESSAGE_BYTES = 200_000
"""Less than Linux's default buffer of a Unix socket, 212,992 bytes: a message is sent whole or not at all."""
MAX_DESCRIPTORS = 60
"""Linux passes at most 253 with a message."""
GO = b"g"
TITLE_ROOM = " " * 500
"""Last argument of a server: room in which the command lines of forked processes fit."""


@dataclass(frozen=True)
class Request:
    """A Python program to fork."""

    command: Sequence[str]
    """Command line of a fresh process that would do the same: `python [OPTIONS] -m MODULE` or `-c CODE`, and arguments."""
    descriptors: Sequence[int]
    """Numbers under which the program finds the descriptors that come with the request."""
    environment: dict[str, str]
    """All of its variables."""
    is_session: bool
    """Whether it leads a session of its own."""

    def to_json(self) -> bytes:
        """Return the message."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Parse a message."""
        return cls(**json.loads(text))


class CannotFork(Exception):
    """The message says what this process has that a fork doesn't survive."""


def serve(control: socket.socket, modules: Sequence[str]) -> Request:
    """Import the modules, and fork for each request until nobody is left to ask. Returns in the forked processes only."""
    try:
        gc.disable()  # collections take a sixth of an import's time, and find next to nothing
        for module in modules:
            importlib.import_module(module)
        gc.collect()
        gc.freeze()  # collections in forked processes then don't write to the pages that all of them share
        gc.enable()
        check_single_thread()
    except BaseException as error:  # noqa: BLE001 - invalid settings raise SystemExit
        _reply(control, error=f"{type(error).__name__}: {error}")
        os._exit(1)
    _reply(control, ready=True)
    while True:
        message, descriptors, _flags, _address = socket.recv_fds(control, MAX_MESSAGE_BYTES, MAX_DESCRIPTORS)
        if not message:
            os._exit(0)
        try:
            check_single_thread()
            pid = _fork_grandchild()
        except (CannotFork, OSError, ValueError) as error:
            _reply(control, error=str(error))
        else:
            if pid is None:
                control.close()
                return _begin(Request.from_json(message), descriptors)
            _reply(control, pid=pid)
        for descriptor in descriptors:
            os.close(descriptor)


def run(request: Request) -> None:
    """Run the program in this process. Raises SystemExit with its status, and whatever ends it."""
    start = next(index for index, word in enumerate(request.command) if word in ("-m", "-c"))
    kind, what, *arguments = request.command[start:]
    sys.orig_argv = list(request.command)
    sys.argv = [kind, *arguments]
    if kind == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
        return
    main = ModuleType("__main__")
    sys.modules["__main__"] = main
    exec(compile(what, "<string>", "exec"), vars(main))  # noqa: S102 - as `python -c` does


def check_single_thread() -> None:
    """Raise CannotFork if this process has more threads than one, native ones included: they don't exist in a fork."""
    count = sum(1 for _ in Path("/proc/self/task").iterdir())
    if count != 1:
        raise CannotFork(f"this process has {count} threads")


def set_title(title: str) -> None:
    """Show this command line in `ps` and the like. A longer one than fits is cut; without /proc the old one stays."""
    with contextlib.suppress(OSError, ValueError):
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        start, end = int(fields[45]), int(fields[46])
        room = end - start
        text = os.fsencode(title)[: room - 2]
        # a last byte that isn't zero tells Linux that the title ends at the first zero, see get_mm_cmdline in fs/proc/base.c
        with Path("/proc/self/mem").open("r+b", buffering=0) as memory:
            memory.seek(start)
            memory.write(text.ljust(room - 1, b"\0") + b" ")


def _fork_grandchild() -> int | None:
    """Fork a process whose parent has ended. Returns its process id, and None in it.

    Linux then makes it a child of the nearest subreaper above, which is the process that asked.
    """
    reading, writing = os.pipe()
    try:
        between = os.fork()
        if between == 0:
            _fork_and_end(writing)
            os.close(reading)
            os.close(writing)
            return None
    except BaseException:
        os.close(reading)
        os.close(writing)
        raise
    os.close(writing)
    try:
        pid = int(os.read(reading, 32))
    finally:
        os.close(reading)
        os.waitpid(between, 0)
    return pid


def _fork_and_end(writing: int) -> None:
    """Fork, report the process id, and end this process. Returns in the new one only."""
    try:
        pid = os.fork()
        if pid == 0:
            return
        os.write(writing, str(pid).encode())
    except OSError:
        os._exit(1)
    os._exit(0)


def _begin(request: Request, descriptors: Sequence[int]) -> Request:
    """In a forked process: wait until it is known to its parent, and take what it is given."""
    go, *given = descriptors
    if os.read(go, 1) != GO:
        os._exit(0)  # nobody waits for this process: it was given up
    os.close(go)
    _place(dict(zip(request.descriptors, given, strict=True)))
    if request.is_session:
        os.setsid()
    os.environ.clear()
    os.environ.update(request.environment)
    set_title(" ".join(request.command))
    return request


def _place(descriptors: Mapping[int, int]) -> None:
    """Give each descriptor the number that it is wanted under: number -> descriptor."""
    above = max(descriptors, default=0) + 1
    moved = {number: fcntl.fcntl(descriptor, fcntl.F_DUPFD, above) for number, descriptor in descriptors.items()}
    for descriptor in descriptors.values():
        os.close(descriptor)
    for number, descriptor in moved.items():
        os.dup2(descriptor, number)
        os.close(descriptor)


def _reply(control: socket.socket, **said: object) -> None:
    with contextlib.suppress(OSError):
        control.send(json.dumps(said).encode())


def main(arguments: Sequence[str]) -> None:
    """arguments: descriptor of the socket, the modules, and room for command lines."""
    descriptor, *modules = arguments[:-1]
    command = [*sys.orig_argv[:-1]]
    set_title(" ".join(command))
    run(serve(socket.socket(fileno=int(descriptor)), modules))


if __name__ == "__main__":
    main(sys.argv[1:])
