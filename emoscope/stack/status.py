"""How the programs of this machine's stack are. The supervisor tells it on a Unix socket to whoever connects.

A file would be stale after a kill, and could not be written on a full disk.
"""

import json
import socket
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_TIMEOUT_S = 2.0
FAILING_AFTER = 3
"""Ends within a minute of its start, in a row, after which a program counts as one that keeps failing."""


@dataclass(frozen=True)
class ProgramStatus:
    """How one program is."""

    name: str
    pid: int | None
    """None while it waits to be started again."""
    starts: int
    """How often it was started since the stack was."""
    failures: int
    """How often in a row it ended within a minute of its start; 0 once it has run for a minute."""
    exit_status: int | None
    """With which status it last ended; minus the signal's number if a signal ended it."""

    @property
    def is_failing(self) -> bool:
        """Whether it keeps failing."""
        return self.failures >= FAILING_AFTER

    def describe(self) -> str:
        """What to tell people about a program that keeps failing."""
        return f"the {self.name} keeps failing: it ended {self.failures} times in a row, last with status {self.exit_status}"


def encode_status(programs: Sequence[ProgramStatus]) -> bytes:
    """What the supervisor sends."""
    return json.dumps([asdict(program) for program in programs]).encode()


def read_status(status_socket: Path) -> list[ProgramStatus] | None:
    """Ask the supervisor how its programs are. Returns None where no stack runs, or where it isn't this user's."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_TIMEOUT_S)
            connection.connect(str(status_socket))
            with connection.makefile("rb") as stream:
                return [ProgramStatus(**program) for program in json.loads(stream.read())]
    except (OSError, ValueError, TypeError):
        return None
