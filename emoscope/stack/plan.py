"""What the supervisor runs: programs with their command lines, in start order.

Standard library only, like everything that the supervisor imports, to keep its memory small.
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
    """Variables in addition to the supervisor's."""
    stop_step: int = 0
    """Programs with a lower step are stopped first; those with the same step are stopped together."""
    ready_socket: str | None = None
    """Path of the Unix socket that the program listens on. Later programs start once the socket answers."""
    is_forked: bool = False
    """Whether the plan's fork server starts it, where there is one. Its command begins with the server's."""
    wake_queue: str | None = None
    """Name of the queue whose messages start the program, which ends by itself with status 0 when it has had no work for a while.
    None: it always runs."""


@dataclass(frozen=True)
class ForkPlan:
    """A process that imports modules once, and from which programs are forked."""

    python: Sequence[str]
    """Interpreter and its options."""
    modules: Sequence[str]
    """In the order in which they are imported."""
    environment: dict[str, str]
    """Variables in addition to the supervisor's, with which they are imported."""


@dataclass(frozen=True)
class Plan:
    """The programs, and how to check that the stack is ready."""

    data_dir: str
    programs: Sequence[Program]
    working_dir: str
    """Current folder of every program. It contains nothing that Python could import."""
    status_socket: str
    """Path of the Unix socket on which the supervisor reports the state of the programs."""
    ready_host: str
    ready_port: int
    """Host and port of GET /readyz, which tells whether the stack is ready."""
    greeting: str = ""
    """Printed when the stack is ready."""
    fork_server: ForkPlan | None = None
    """None: every program is started as a fresh process."""

    def to_json(self) -> str:
        """Return the plan as JSON for the supervisor."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Parse a plan. Raises ValueError, KeyError or TypeError if the text is invalid."""
        values = json.loads(text)
        values["programs"] = [Program(**program) for program in values["programs"]]
        if values["fork_server"] is not None:
            values["fork_server"] = ForkPlan(**values["fork_server"])
        return cls(**values)
