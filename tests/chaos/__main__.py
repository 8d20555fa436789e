"""`python -m tests.chaos --seed 1 --database postgresql`: see docs/operations.md, and `make chaos`."""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sized
from datetime import UTC, datetime
from pathlib import Path

from tests.chaos.run import Report, run_chaos
from tests.chaos.schedule import KILLS, OTHERS, POSTGRESQL
from tests.chaos.world import Shape


def main() -> int:
    """Run with each seed, and print a table. Returns 1 if anything was lost, double or wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, nargs="+", default=[1])
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument(
        "--shape",
        choices=tuple(Shape),
        type=Shape,
        default=Shape.OWN,
        help="own: a queue of its own; apart: a queue apart, as a fleet; up: the command `emoscope up`",
    )
    parser.add_argument("--seconds", type=float, default=240)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--only", nargs="+", default=(), choices=(*KILLS, *OTHERS, *POSTGRESQL), help="kinds of faults")
    parser.add_argument("--results", type=Path, help="a file of JSON to which each run is added")
    parser.add_argument(
        "--keep", action="store_true", help="leave the folders with data and logs, and tell where they are"
    )
    options = parser.parse_args()
    reports = []
    for seed in options.seed:
        folder = Path(tempfile.mkdtemp(prefix="chaos-"))
        folder.chmod(0o755)  # PostgreSQL runs as another user where this runs as root
        report = run_chaos(
            folder,
            seed,
            options.seconds,
            options.jobs,
            is_postgresql=options.database == "postgresql",
            shape=options.shape,
            note=lambda line: print(line, flush=True),
            only=options.only,
            keep=options.keep,
        )
        if options.keep:
            print(folder, flush=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)
        reports.append(report)
        print(describe(report, options.database), flush=True)
        if options.results:
            add_result(options.results, report, options)
    return 0 if all(report.outcome.is_good for report in reports) else 1


def add_result(path: Path, report: Report, options: argparse.Namespace) -> None:
    """Add a run's counts to the file."""
    outcome = report.outcome
    results = json.loads(path.read_text()) if path.exists() else []
    results.append(
        {
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
            "database": options.database,
            "shape": options.shape,
            "seed": report.seed,
            "seconds": options.seconds,
            "load_of_machine": round(os.getloadavg()[1], 1),
            "cores": os.cpu_count(),
            "faults": report.faults,
            "jobs": outcome.jobs,
            "succeeded": outcome.succeeded,
            "failed": dict(outcome.failed),
            "attempts": outcome.attempts,
            "lost": len(outcome.lost),
            "double": len(outcome.double),
            "wrong": len(outcome.wrong),
            "without_callback": len(outcome.unheard),
            "several_callback_ids": len(outcome.many_ids),
            "longest_recovery_s": {kind: round(seconds, 1) for kind, seconds in sorted(report.recoveries_s.items())},
            "all_done_s_after_last_photo": round(report.end_s, 1),
            "log_bytes": report.log_bytes,
            "tracebacks": report.tracebacks,
        }
    )
    path.write_text(json.dumps(results, indent=2) + "\n")


def describe(report: Report, database: str) -> str:
    """A run in a few lines."""
    outcome = report.outcome
    faults = ", ".join(f"{kind} {count}" for kind, count in sorted(report.faults.items()))
    slowest = sorted(report.recoveries_s.items(), key=lambda item: -item[1])[:5]
    counts = f"accepted {outcome.jobs}, succeeded {outcome.succeeded}, failed {dict(outcome.failed)}, attempts {outcome.attempts}"
    faulty: dict[str, Sized] = {
        "lost": outcome.lost,
        "double": outcome.double,
        "wrong": outcome.wrong,
        "without callback": outcome.unheard,
        "with several callback ids": outcome.many_ids,
    }
    recoveries = ", ".join(f"{kind} {seconds:.1f} s" for kind, seconds in slowest)
    lines = (
        f"{database}, seed {report.seed}: {sum(report.faults.values())} faults ({faults})",
        f"jobs {counts}",
        ", ".join(f"{name} {len(found)}" for name, found in faulty.items()),
        f"longest recoveries: {recoveries}; all done {report.end_s:.1f} s after the last photo",
        f"answers other than 202: {report.refusals}",
        f"logs: {sum(report.log_bytes.values()):,} bytes, {report.tracebacks} tracebacks",
        *outcome.wrong[:20],
    )
    return "\n  ".join(lines)


if __name__ == "__main__":
    sys.exit(main())
