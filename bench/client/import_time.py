"""What importing the client costs beside importing httpx alone, in fresh processes that take turns.

    python -m bench.client.import_time --runs 20 --python /path/to/an/environment/bin/python

Prints the least and the median processor time of both in milliseconds, and their ratios. The least is the better measure on a
busy machine. An environment that has `rich` and `click` makes `import httpx` several times slower, so name one without them.
"""

import argparse
import resource
import subprocess
import sys
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class ImportTimes:
    """Milliseconds of processor time of each import, a fresh process each."""

    httpx: list[float]
    client: list[float]

    @property
    def ratio(self) -> float:
        """The client's least time in those of httpx."""
        return min(self.client) / min(self.httpx)


def measure_imports(python: str, runs: int) -> ImportTimes:
    """Import each of the two in turn, less what starting the interpreter takes.

    python: the interpreter whose environment has both.
    """
    times = ImportTimes([], [])
    for number in range(runs + 1):
        start_ms = _measure(python, "")
        for module, found in (("httpx", times.httpx), ("emoscope_client", times.client)):
            spent_ms = _measure(python, f"import {module}") - start_ms
            if number:  # the first of each compiles
                found.append(spent_ms)
    return times


def _measure(python: str, code: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([python, "-I", "-c", code], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def main() -> None:
    """Run the measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--python", default=sys.executable)
    given = parser.parse_args()
    times = measure_imports(given.python, given.runs)
    for name, found in (("httpx", times.httpx), ("emoscope_client", times.client)):
        print(f"{name:16} least {min(found):6.1f} ms, median {median(found):6.1f} ms")
    print(f"ratio of the least {times.ratio:.2f}, of the medians {median(times.client) / median(times.httpx):.2f}")


if __name__ == "__main__":
    main()
