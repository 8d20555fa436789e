"""What the supervisor is to run: programs with their command lines, in the order in which they start.

Standard library only, as everything that the supervisor imports: it stays in memory as long as the stack runs.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Self


@dataclass(frozen=True)
class Program:
    """One program of the stack."""

    name: str
    command: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)
    """Variables added to those of the supervisor."""
    stop_step: int = 0
    """Programs of a lower step are stopped before those of a higher one; those of one step are stopped together."""
    ready_socket: str | None = None
    """Path of the Unix socket that the program listens on. The programs after it start once the socket answers."""


@dataclass(frozen=True)
class Plan:
    """What to run, and how to tell that all of it works."""

    data_dir: str
    programs: Sequence[Program]
    working_dir: str
    """Current folder of every program. It holds nothing that Python could import."""
    status_socket: str
    """Path of the Unix socket on which the supervisor tells how the programs are."""
    ready_host: str
    ready_port: int
    """Where GET /readyz is asked whether the stack works."""
    greeting: str = ""
    """Printed when the stack works."""

    def to_json(self) -> str:
        """The plan as the supervisor reads it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a plan. Raises ValueError, KeyError or TypeError if the text is none."""
        values = json.loads(text)
        return cls(**(values | {"programs": [Program(**program) for program in values["programs"]]}))
