"""Compares results of benches with those of the last commit: every number that differs by more than a share.

    python -m bench.compare_results [FILE ...] [--than HEAD] [--share 0.1]

FILE: written by a bench with `--json`, named as in bench/results; default: all of bench/results. The description of the machine
isn't compared; between machines only ratios are meaningful.
"""

import argparse
import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
_MACHINE = "machine"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--than", default="HEAD", help="the commit to compare with")
    parser.add_argument("--share", type=float, default=0.1, help="changes up to this share aren't shown")
    given = parser.parse_args()
    print("| result | figure | before | now | ratio |\n| --- | --- | --- | --- | --- |")
    for file in given.files or sorted(RESULTS.glob("*.json")):
        committed = read_committed(file.name, given.than)
        if committed is None:
            print(f"| {file.name} | not in {given.than} | | | |")
            continue
        for name, before, now in list_changes(committed, json.loads(file.read_text()), given.share):
            ratio = f"{now / before:.2f}" if before and now is not None else ""
            print(f"| {file.name} | {name} | {before:g} | {'gone' if now is None else f'{now:g}'} | {ratio} |")


def read_committed(name: str, commit: str) -> object | None:
    """Return a result as committed, or None."""
    done = subprocess.run(
        ["git", "show", f"{commit}:./results/{name}"], cwd=RESULTS.parent, capture_output=True, check=False
    )
    return None if done.returncode else json.loads(done.stdout)


def list_changes(before: object, now: object, share: float) -> Iterator[tuple[str, float, float | None]]:
    """Return name, old and new value (None if removed) of each number that changed by more than the share."""
    figures = dict(list_figures(now))
    for name, value in list_figures(before):
        other = figures.get(name)
        if other is None or abs(other - value) > share * abs(value):
            yield name, value, other


def list_figures(found: object, name: str = "") -> Iterator[tuple[str, float]]:
    """Return every number in a result, named by its path of keys; rows of lists are named by name_row."""
    if isinstance(found, bool) or found is None or isinstance(found, str):
        return
    if isinstance(found, int | float):
        yield name, float(found)
    elif isinstance(found, dict):
        for key, value in found.items():
            if key != _MACHINE:
                yield from list_figures(value, f"{name}.{key}" if name else str(key))
    elif isinstance(found, list):
        seen: Counter[str] = Counter()
        for number, value in enumerate(found):
            row = name_row(value, number)
            seen[row] += 1
            yield from list_figures(value, f"{name}[{row}{f' {seen[row]}' if seen[row] > 1 else ''}]")


def name_row(row: object, number: int) -> str:
    """Name a row by its text fields, or its number."""
    said = [value for value in row.values() if isinstance(value, str)] if isinstance(row, dict) else []
    return ", ".join(said) or str(number)


if __name__ == "__main__":
    main()
