"""Fits the simulation to two scenarios, and compares it with three others.

    python -m bench.sizing.fit [--quick] [--json FILE]

Prints measured and simulated medians and their difference. Takes about four minutes.
"""

import argparse
import json
import os
import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.machine import describe_machine
from bench.sizing.model import Parameters, Shape, simulate
from bench.sizing.scenarios import Measured, Scenario, Seen, measure

CALIBRATIONS = (
    Scenario("calibration, one process", 1, rate=8, photos=150, seed=11),
    Scenario("calibration, two processes, sixty at once", 2, rate=12, photos=180, burst=60, seed=12),
)
UNSEEN = (
    Scenario("one process, few photos", 1, rate=4, photos=100, seed=21),
    Scenario("two processes, bursts of ten", 2, rate=8, photos=240, burst=10, seed=22),
    Scenario("two processes, 150 photos at once", 2, rate=100, photos=150, burst=150, seed=23),
)
_RUNS = 5
"""Simulations per scenario; the median of their medians counts."""


def read_parameters(calibrations: Sequence[tuple[Scenario, Measured]]) -> Parameters:
    """Return the parameters of the simulation from measured jobs."""
    work, idle, following = list[float](), list[float](), list[float]()
    for scenario, seen in calibrations:
        if scenario.processes == 1:
            work += [job.finished - job.started for job in seen.jobs]
        for was_idle, gap in _list_gaps(seen.jobs, scenario.processes):
            (idle if was_idle else following).append(gap)
    submit = [seen.submit_cpu_s for _, seen in calibrations]
    parameters = Parameters(work, idle, following or idle, submit)
    crowded = [(scenario, seen) for scenario, seen in calibrations if scenario.processes > 1]
    if not crowded:
        return parameters
    tried = [replace(parameters, crowded_speed=speed / 20) for speed in range(6, 21)]
    return min(tried, key=lambda each: sum(abs(_find_distance(scenario, seen, each)) for scenario, seen in crowded))


def _list_gaps(jobs: Sequence[Seen], processes: int) -> list[tuple[bool, float]]:
    """Return, per job, whether a process was free when it came, and the time from when one could have claimed it until one did."""
    by_start = sorted(jobs, key=lambda job: job.started)
    gaps = []
    for place, job in enumerate(by_start):
        ends = sorted(other.finished for other in by_start[:place])
        free_since = ends[-processes] if len(ends) >= processes else 0.0
        gaps.append((free_since <= job.created, max(0.0, job.started - max(job.created, free_since))))
    return gaps


def _simulate_median(scenario: Scenario, parameters: Parameters) -> float:
    shape = Shape(worker_processes=scenario.processes, api_processes=1, cores=os.cpu_count() or 1)
    arrivals = scenario.list_arrivals()
    return statistics.median(
        statistics.median(simulate(arrivals, shape, parameters, seed).totals_s) for seed in range(_RUNS)
    )


def _find_distance(scenario: Scenario, seen: Measured, parameters: Parameters) -> float:
    return _simulate_median(scenario, parameters) / statistics.median(job.total_s for job in seen.jobs) - 1


def compare(scenario: Scenario, seen: Measured, parameters: Parameters) -> dict[str, object]:
    """Return a row: median times from a job's row to its result, measured and simulated, for the same requests."""
    measured = statistics.median(job.total_s for job in seen.jobs)
    simulated = _simulate_median(scenario, parameters)
    return {
        "scenario": scenario.name,
        "photos": len(seen.jobs),
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
        "p50_ms": {
            name: round(1000 * statistics.median(getattr(parameters, name)), 1)
            for name in ("work_s", "idle_gap_s", "next_gap_s", "submit_s")
        },
        "crowded_speed": parameters.crowded_speed,
        "fitted": [compare(scenario, seen, parameters) for scenario, seen in measured],
        "unseen": rows,
    }
    print(json.dumps(result, indent=1))
    if given.json:
        samples: dict[str, object] = dict(vars(parameters))
        given.json.write_text(json.dumps({**result, "samples": _round(samples)}, indent=1) + "\n")


def _round(samples: dict[str, object]) -> dict[str, object]:
    return json.loads(json.dumps(samples), parse_float=lambda text: round(float(text), 4))  # type: ignore[no-any-return]


if __name__ == "__main__":
    main()
