"""Samples the resources of a stack's processes, and tests them for growth."""

import contextlib
import math
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from emoscope.stack.status import read_status
from tests.support.own_processes import list_own_processes

MEASURES = ("memory_mb", "files", "threads")
WARM_UP_SHARE = 0.25
"""Of the photos: caches, pools and the allocator fill in the beginning."""
_LEAST_SAMPLES = 8
_NORMAL_95 = 1.96


@dataclass(frozen=True)
class Slope:
    """Growth for each thousand photos: estimate, and the ends of its 95 % interval."""

    estimate: float
    low: float
    high: float


@dataclass
class Samples:
    """What was measured of each process, by its name and number."""

    photos: defaultdict[tuple[str, int], list[int]] = field(default_factory=lambda: defaultdict(list))
    values: defaultdict[tuple[str, int, str], list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, stack_socket: Path, photos: int) -> None:
        """Measure every process of the stack now, when it has analysed so many photos."""
        for name, pid in list_named_processes(stack_socket):
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(pid)
                measured = (process.memory_full_info().uss / 1e6, process.num_fds(), process.num_threads())
                self.photos[name, pid].append(photos)
                for measure, value in zip(MEASURES, measured, strict=True):
                    self.values[name, pid, measure].append(value)

    def fit(self, total: int) -> dict[str, dict[str, Slope]]:
        """The slopes of each process that was there after the warm-up, by its name and measure. total: photos of the run."""
        found: dict[str, dict[str, Slope]] = {}
        for (name, pid), photos in self.photos.items():
            kept = [place for place, count in enumerate(photos) if count >= WARM_UP_SHARE * total]
            if len(kept) >= _LEAST_SAMPLES:
                x = [photos[place] for place in kept]
                found[f"{name} {pid}"] = {
                    measure: fit_slope(x, [self.values[name, pid, measure][place] for place in kept])
                    for measure in MEASURES
                }
        return found

    def read_peaks(self) -> dict[str, dict[str, float]]:
        """The most of each measure, by process."""
        return {
            f"{name} {pid}": {measure: max(self.values[name, pid, measure]) for measure in MEASURES}
            for name, pid in self.photos
        }


def list_named_processes(stack_socket: Path) -> list[tuple[str, int]]:
    """The stack's programs and the processes that they started, with names such as `worker` and `worker process`."""
    found = []
    for program in read_status(stack_socket) or ():
        if program.pid is not None:
            found.append((program.name, program.pid))
            found += [(f"{program.name} process", pid) for pid in list_own_processes(program.pid)]
    return found


def fit_slope(photos: list[int], values: list[float]) -> Slope:
    """Growth of the values for each thousand photos, by least squares.

    Neighbouring samples are alike, so the interval is that of Newey and West (1987), with their rule for the number of lags.
    """
    x, y = np.array(photos) / 1000, np.array(values)
    centered = x - x.mean()
    squares = float(centered @ centered)
    estimate = float(centered @ y) / squares
    scores = centered * (y - y.mean() - estimate * centered)
    lags = max(1, math.floor(4 * (len(y) / 100) ** (2 / 9)))
    spread = float(scores @ scores)
    for lag in range(1, lags + 1):
        spread += 2 * (1 - lag / (lags + 1)) * float(scores[lag:] @ scores[:-lag])
    error = math.sqrt(max(spread, 0.0) * len(y) / (len(y) - 2)) / squares
    return Slope(estimate, estimate - _NORMAL_95 * error, estimate + _NORMAL_95 * error)
