"""State of the stack's programs, which the supervisor sends on a Unix socket.

A file would be outdated after a kill, and couldn't be written on a full disk.
"""

import json
import socket
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_TIMEOUT_S = 2.0
FAILING_AFTER = 3
"""Consecutive ends within a minute of the start after which a program counts as failing."""


@dataclass(frozen=True)
class ProgramStatus:
    """State of one program."""

    name: str
    pid: int | None
    """None while it waits for its restart."""
    starts: int
    """Number of starts since the stack's start."""
    failures: int
    """Number of consecutive ends within a minute of the start; 0 once it has run for a minute."""
    exit_status: int | None
    """Exit status of its last end; minus the signal's number after a signal."""

    @property
    def is_failing(self) -> bool:
        """Whether it keeps failing."""
        return self.failures >= FAILING_AFTER

    def describe(self) -> str:
        """Describe the failures for users."""
        return f"the {self.name} keeps failing: it ended {self.failures} times in a row, last with status {self.exit_status}"


def encode_status(programs: Sequence[ProgramStatus]) -> bytes:
    """Encode what the supervisor sends."""
    return json.dumps([asdict(program) for program in programs]).encode()


def read_status(status_socket: Path) -> list[ProgramStatus] | None:
    """Read the state of the programs from the supervisor. Returns None if no stack is running, or if it is another user's."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_TIMEOUT_S)
            connection.connect(str(status_socket))
            with connection.makefile("rb") as stream:
                return [ProgramStatus(**program) for program in json.loads(stream.read())]
    except (OSError, ValueError, TypeError):
        return None
