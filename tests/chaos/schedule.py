"""The schedule of faults, determined by a seed, so that a run can be replayed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

KILLS = ("api", "api process", "worker", "worker process", "housekeeper", "beat")
"""Programs of the stack, and the processes that they start."""
OTHERS = ("queue killed", "queue emptied", "disk full", "photo damaged", "model damaged")
POSTGRESQL = ("postgresql killed",)

_FIRST_S, _MIN_PAUSE_S, _MAX_PAUSE_S = 2.0, 2.0, 8.0
_MIN_OUTAGE_S, _MAX_OUTAGE_S = 0.5, 6.0


@dataclass(frozen=True)
class Fault:
    """A fault, when it comes, and how long it lasts where it lasts."""

    at_s: float
    kind: str
    lasts_s: float
    number: int
    """Chooses among several possible victims."""


def make_schedule(
    seed: int,
    seconds: float,
    *,
    is_postgresql: bool,
    only: Sequence[str] = (),
    pauses_s: tuple[float, float] = (_MIN_PAUSE_S, _MAX_PAUSE_S),
) -> Sequence[Fault]:
    """The faults of a run of that length. Every kind comes once before any comes twice.

    only: these kinds; empty means all. pauses_s: the least and the most between two faults.
    """
    chance = random.Random(seed)
    kinds = [*KILLS, *OTHERS, *(POSTGRESQL if is_postgresql else ())]
    kinds = [kind for kind in kinds if kind in only] if only else kinds
    faults: list[Fault] = []
    waiting: list[str] = []
    at_s = _FIRST_S
    while at_s < seconds:
        if not waiting:
            waiting = chance.sample(kinds, len(kinds))
        faults.append(
            Fault(
                round(at_s, 2),
                waiting.pop(),
                round(chance.uniform(_MIN_OUTAGE_S, _MAX_OUTAGE_S), 2),
                chance.randrange(1000),
            )
        )
        at_s += chance.uniform(*pauses_s)
    return faults
