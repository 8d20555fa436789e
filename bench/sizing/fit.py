"""Fits the simulation to one scenario of each number of processes, and compares it with three that it hasn't seen.

    python -m bench.sizing.fit [--quick] [--json FILE]

Prints measured and simulated medians and how far they are apart. Takes about four minutes.
"""

import argparse
import json
import statistics
from collections.abc import Sequence
from pathlib import Path

from bench.machine import describe_machine
from bench.sizing.model import Parameters, Shape, simulate
from bench.sizing.scenarios import Scenario, Seen, measure

CALIBRATIONS = (
    Scenario("calibration, one process", 1, rate=8, photos=150, seed=11),
    Scenario("calibration, two processes", 2, rate=14, photos=250, burst=4, seed=12),
)
UNSEEN = (
    Scenario("one process, few photos", 1, rate=4, photos=100, seed=21),
    Scenario("two processes, bursts of ten", 2, rate=8, photos=240, burst=10, seed=22),
    Scenario("two processes, 150 photos at once", 2, rate=100, photos=150, burst=150, seed=23),
)
_RUNS = 20
"""Simulations of a scenario, of whose medians the median counts."""


def read_parameters(calibrations: Sequence[tuple[Scenario, Sequence[Seen]]]) -> Parameters:
    """What the simulation needs, from measured jobs."""
    work: dict[int, list[float]] = {}
    gaps: list[float] = []
    for scenario, jobs in calibrations:
        by_start = sorted(jobs, key=lambda job: job.started)
        for job in by_start:
            busy = sum(other.started <= job.started < other.finished for other in by_start)
            work.setdefault(min(busy, scenario.processes), []).append(job.finished - job.started)
        gaps += _list_gaps(by_start, scenario.processes)
    return Parameters(work, gaps)


def _list_gaps(by_start: Sequence[Seen], processes: int) -> list[float]:
    """From when a job could have been claimed until it was: a process was free by then, and the job was there."""
    gaps = []
    for place, job in enumerate(by_start):
        ends = sorted(other.finished for other in by_start[:place])
        free_since = ends[-processes] if len(ends) >= processes else 0.0
        gaps.append(max(0.0, job.started - max(job.created, free_since)))
    return gaps


def compare(scenario: Scenario, jobs: Sequence[Seen], parameters: Parameters) -> dict[str, object]:
    """A row: the medians of the time from submission to result, measured and simulated for the same arrivals."""
    arrivals = [job.created for job in jobs]
    shape = Shape(worker_processes=scenario.processes)
    simulated = statistics.median(
        statistics.median(simulate(arrivals, shape, parameters, seed).totals_s) for seed in range(_RUNS)
    )
    measured = statistics.median(job.total_s for job in jobs)
    return {
        "scenario": scenario.name,
        "photos": len(jobs),
        "measured_p50_ms": round(1000 * measured, 1),
        "simulated_p50_ms": round(1000 * simulated, 1),
        "apart": round(simulated / measured - 1, 3),
    }


def main() -> None:
    """Measure, fit, compare, and print the rows as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one calibration and one scenario of twenty photos")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    quick = (Scenario("one process", 1, rate=5, photos=20),)
    calibrations: Sequence[Scenario] = quick if given.quick else CALIBRATIONS
    unseen: Sequence[Scenario] = quick if given.quick else UNSEEN
    measured = [(scenario, measure(scenario)) for scenario in calibrations]
    parameters = read_parameters(measured)
    rows = [compare(scenario, measure(scenario), parameters) for scenario in unseen]
    result = {
        "machine": describe_machine(),
        "work_p50_ms": {
            busy: round(1000 * statistics.median(taken), 1) for busy, taken in sorted(parameters.work_s.items())
        },
        "gap_p50_ms": round(1000 * statistics.median(parameters.gap_s), 1),
        "fitted": [compare(scenario, jobs, parameters) for scenario, jobs in measured],
        "unseen": rows,
    }
    print(json.dumps(result, indent=1))
    if given.json:
        samples: dict[str, object] = {"work_s": parameters.work_s, "gap_s": parameters.gap_s}
        given.json.write_text(json.dumps({**result, "samples": _round(samples)}, indent=1) + "\n")


def _round(samples: dict[str, object]) -> dict[str, object]:
    return json.loads(json.dumps(samples), parse_float=lambda text: round(float(text), 4))  # type: ignore[no-any-return]


if __name__ == "__main__":
    main()
