"""Measures importing the client, compared with importing httpx alone.

    python -m bench.client.import_time --runs 20 --python /path/to/an/environment/bin/python

Each run is a new process that imports httpx and then the client, so both have the same conditions. Prints the median processor
time of httpx, what the client adds, and the median ratio of both to httpx alone. `rich` and `click` make `import httpx` several
times slower, so use an environment without them.
"""

import argparse
import subprocess
import sys
from dataclasses import dataclass
from statistics import median

_SCRIPT = """
from time import process_time
start = process_time()
import httpx
between = process_time()
import emoscope_client
print(between - start, process_time() - between)
"""


@dataclass(frozen=True)
class ImportTimes:
    """Milliseconds of processor time per run: for httpx, and in addition for the client."""

    httpx: list[float]
    added: list[float]

    @property
    def ratio(self) -> float:
        """Median ratio of importing the client to importing httpx."""
        return median((httpx + added) / httpx for httpx, added in zip(self.httpx, self.added, strict=True))


def measure_imports(python: str, runs: int) -> ImportTimes:
    """Import both in as many fresh processes, after one that compiles. python: an interpreter whose environment has both."""
    measured = []
    for _ in range(runs + 1):
        done = subprocess.run([python, "-I", "-c", _SCRIPT], check=True, capture_output=True, text=True)
        measured.append([1000 * float(seconds) for seconds in done.stdout.split()])
    return ImportTimes([httpx for httpx, _ in measured[1:]], [added for _, added in measured[1:]])


def main() -> None:
    """Run the measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--python", default=sys.executable)
    given = parser.parse_args()
    times = measure_imports(given.python, given.runs)
    print(f"httpx {median(times.httpx):.1f} ms, the client adds {median(times.added):.1f} ms, ratio {times.ratio:.2f}")


if __name__ == "__main__":
    main()
