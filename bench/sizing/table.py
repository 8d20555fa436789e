"""Simulates 1, 10 and 100 million photos per day with measured parameters: what they need, and what fails first.

    python -m bench.sizing.table [--quick] [--json FILE]

Reads bench/results/sizing.json and sizing_load.json, which `bench.sizing.fit` and `bench.sizing.load` write.
"""

import argparse
import json
import math
import random
import statistics
from pathlib import Path
from typing import Any

from bench.sizing.model import Parameters, Shape, simulate

RESULTS = Path(__file__).parents[1] / "results"
PEAK = 3.0
"""Ratio of the busiest hour to the day's mean: the usual shape of a day if most users live in one part of the world."""
WORKER_LOAD, API_LOAD, DATABASE_LOAD = 0.7, 0.5, 0.5
"""Maximum utilization of each component at the peak, so that waiting stays short."""
PHOTO_BYTES = 500_000
OUTAGE_S = 30.0
_DEFAULT_QUEUED = 10_000
_ON_ONE_MACHINE = 1e6


def size(photos_a_day: float, held_s: float, submit_s: float, database_s: float) -> dict[str, Any]:
    """Return the machines of each component at the peak."""
    rate = PEAK * photos_a_day / 86_400
    return {
        "photos_a_day": int(photos_a_day),
        "peak_a_second": round(rate, 1),
        "worker_processes": max(2, math.ceil(rate * held_s / WORKER_LOAD)),
        "api_processes": max(2, math.ceil(rate * submit_s / API_LOAD)),
        "database_cores": max(1, math.ceil(rate * database_s / DATABASE_LOAD)),
        "store_requests_a_second": round(3 * rate),  # put, get, delete
        "photo_mb_a_second": round(rate * PHOTO_BYTES / 1e6, 1),
    }


def simulate_peak(row: dict[str, Any], parameters: Parameters, seconds: float, **more: Any) -> dict[str, Any]:
    """Simulate the peak with the computed or another size."""
    shape = Shape(
        worker_processes=more.pop("worker_processes", row["worker_processes"]),
        api_processes=more.pop("api_processes", row["api_processes"]),
        database_servers=more.pop("database_servers", row["database_cores"]),
        most_queued=more.pop("most_queued", _DEFAULT_QUEUED),
        cores=more.pop("cores", 0),
    )
    chance, at, arrivals = random.Random(7), 0.0, list[float]()
    while at < seconds:
        at += chance.expovariate(row["peak_a_second"])
        arrivals.append(at)
    outcome = simulate(arrivals, shape, parameters, **more)
    totals = sorted(outcome.totals_s)
    return {
        "p50_s": round(statistics.median(totals), 3),
        "p95_s": round(totals[len(totals) * 95 // 100], 3),
        "longest_queue": outcome.longest_queue,
        "refused": outcome.refused,
    }


def main() -> None:
    """Simulate, and print the rows as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    fitted = json.loads((RESULTS / "sizing.json").read_text())
    load = json.loads((RESULTS / "sizing_load.json").read_text())
    # in a fleet each worker process has its own core
    samples = fitted["samples"]
    alone, submit_s = samples["work_s"], samples["submit_s"]
    database_s = load["database_cpu_ms_a_job"] / 1000
    parameters = Parameters(alone, samples["idle_gap_s"], samples["next_gap_s"], submit_s, (database_s,))
    # work of a worker process per job: claim, analysis, and writing
    held_s = statistics.mean(alone) + statistics.mean(samples["next_gap_s"]) + 0.6 * database_s
    rows = []
    for photos in (1e6,) if given.quick else (1e6, 1e7, 1e8):
        row = size(photos, held_s, statistics.mean(submit_s), database_s)
        seconds = 30.0 if photos < 1e8 else 15.0
        row["database_gb_a_day"] = round(photos * load["bytes_a_job"] / 1e9, 1)
        row["sized"] = simulate_peak(row, parameters, seconds)
        if photos == _ON_ONE_MACHINE:
            row["one machine of four cores"] = simulate_peak(
                row, parameters, seconds, worker_processes=4, api_processes=2, database_servers=1, cores=4
            )
        row["workers away for 30 s"] = simulate_peak(row, parameters, seconds + OUTAGE_S, outage=(5.0, OUTAGE_S))
        rows.append(row)
        print(json.dumps(row, indent=1), flush=True)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
