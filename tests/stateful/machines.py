"""How the state machines are run: few examples in `make test`, many by `make stateful`."""

import os
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy.orm import InstrumentedAttribute

from db.core.errors import DomainError
from db.core.session import Database
from db.core.types import utcnow

EXAMPLES = int(os.environ.get("STATEFUL_EXAMPLES", "4"))
STEPS = int(os.environ.get("STATEFUL_STEPS", "30"))
"""Of one example: transitions in a row."""


TIMEOUT_S = 120 + 30 * EXAMPLES
"""For one test: an example takes a second or two, and more on a busy machine."""


def run_machine(make: Any) -> None:
    """Run random sequences of the machine's rules. What fails is made short, unless few examples were asked for."""
    is_short = "STATEFUL_EXAMPLES" not in os.environ
    phases = (Phase.explicit, Phase.generate) if is_short else tuple(Phase)
    run_state_machine_as_test(
        make,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            derandomize=is_short,
            phases=phases,
            suppress_health_check=list(HealthCheck),
        ),
    )


class _Refusal(AbstractContextManager[None, bool]):
    def __init__(self, error: type[DomainError], *, allowed: bool) -> None:
        self._error, self._allowed = error, allowed

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        if kind is None:
            assert self._allowed, f"not refused with {self._error.__name__}"
            return False
        if not issubclass(kind, self._error):
            return False
        assert not self._allowed, f"refused with {self._error.__name__}, and was allowed"
        return True


def refused_unless(allowed: bool, error: type[DomainError]) -> AbstractContextManager[None, bool]:
    """The block must be refused with this error, and with no other, exactly if it isn't allowed."""
    return _Refusal(error, allowed=allowed)


def let_pass(database: Database, column: InstrumentedAttribute[object], seconds: float = 1) -> None:
    """Let the moment of that column have been that many seconds ago, in all rows that have one: as if time had gone by."""
    table = column.class_.__table__
    with database.write() as session:
        session.execute(
            table.update()
            .where(column.is_not(None), column > utcnow())
            .values({column.key: utcnow() - timedelta(seconds=seconds)})
        )
