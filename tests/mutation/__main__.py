"""Mutation testing: `python -m tests.mutation db --mutants 200 --seed 1`.

Draws one-line mutants of a package (or of a folder or a module in it: `db/jobs`), runs the nearest tests on each, on SQLite
alone, and prints the score and the survivors. A survivor is a line that may be wrong without any near test failing.
"""

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.mutation.known import list_known
from tests.mutation.mutants import Mutant, list_mutants
from tests.mutation.nearest import PACKAGES, list_modules
from tests.mutation.shard import Outcome

ROOT = Path(__file__).parents[2]
_LEFT_OUT = (
    ".git",
    ".venv",
    ".uv",
    ".peers",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".hypothesis",
    "var",
    "runs",
)


def main() -> int:
    """Run as the arguments say. Returns the exit status: 1 if a known mutant survived or tests fail by themselves."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="*", default=list(PACKAGES), help="packages, or folders and modules in them")
    parser.add_argument("--mutants", type=int, default=20, help="mutants a package")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--known", action="store_true", help="only the mutants that once survived")
    parser.add_argument("--out", type=Path, help="write scores and survivors to this file, as JSON")
    arguments = parser.parse_args()
    if arguments.known:
        report = run(list_known(ROOT), arguments.processes)
        describe("known mutants", report)
        return int(bool(report["survivors"] or report["broken"]))
    reports = {}
    for package in arguments.packages:
        mutants, of_all = draw(package, arguments.mutants, arguments.seed)
        reports[package] = {"seed": arguments.seed, "of": of_all, **run(mutants, arguments.processes)}
        describe(package, reports[package])
        if arguments.out:
            arguments.out.write_text(json.dumps(reports, indent=2) + "\n")
    return int(any(report["broken"] for report in reports.values()))


def draw(package: str, count: int, seed: int) -> tuple[list[Mutant], int]:
    """A sample of a package's mutants, the same for the same seed and source, and how many there are."""
    known = [mutant for path in list_modules(ROOT, package) for mutant in list_mutants(ROOT, path)]
    drawn = random.Random(seed).sample(known, min(count, len(known)))
    return sorted(drawn, key=lambda mutant: (mutant.path, mutant.start)), len(known)


def run(mutants: list[Mutant], processes: int) -> dict[str, Any]:
    """Run the nearest tests on each mutant, in so many processes. Prints the survivors as they come."""
    shares = [mutants[place::processes] for place in range(processes)]
    with ThreadPoolExecutor(processes) as pool:
        said = [line for lines in pool.map(_run_share, shares) for line in lines]
    outcomes = [
        Outcome(Mutant(**line["mutant"]), line["killed_by"], line["took_s"]) for line in said if "mutant" in line
    ]
    survivors = sorted(outcome.mutant.describe() for outcome in outcomes if outcome.killed_by is None)
    return {
        "mutants": len(outcomes),
        "killed": len(outcomes) - len(survivors),
        "survivors": survivors,
        "broken": sorted({line["broken"] for line in said if "broken" in line}),
        "seconds": round(sum(outcome.took_s for outcome in outcomes)),
    }


def _run_share(mutants: list[Mutant]) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="emo-mutants-") as folder:
        copy = Path(folder) / "tree"
        shutil.copytree(ROOT, copy, ignore=lambda _folder, names: [name for name in names if name in _LEFT_OUT])
        return list(_ask_shard(copy, mutants))


def _ask_shard(copy: Path, mutants: list[Mutant]) -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "tests.mutation.shard", str(copy)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as shard:
        assert shard.stdin is not None
        assert shard.stdout is not None
        for mutant in mutants:
            shard.stdin.write(json.dumps(vars(mutant)) + "\n")
            shard.stdin.flush()
            said = json.loads(shard.stdout.readline())
            if "broken" in said or said["killed_by"] is None:
                print(said.get("broken") or f"survived: {mutant.describe()}", file=sys.stderr, flush=True)
            yield said


def describe(name: str, report: dict[str, Any]) -> None:
    """Print a score and the survivors."""
    print(
        f"{name}: {report['killed']} of {report['mutants']} mutants killed, in {report['seconds']} s of the tests' time"
    )
    for line in (*report["survivors"], *report["broken"]):
        print(f"  {line}")


if __name__ == "__main__":
    sys.exit(main())
