"""`python -m tests.soak --photos 2000`: analyses different photos on one machine, and measures its processes."""

import argparse
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from emoscope_client import Client
from tests.fuzz.run import start_stack
from tests.soak.photos import make_photo
from tests.soak.sampling import MEASURES, Samples, Slope

_CLIENTS = 4
_SAMPLES = 100
"""In a run, evenly over its photos."""
_JOB_TIMEOUT_S = 300
MOST_GROWTH = {"memory_mb": 5.0, "files": 1.0, "threads": 1.0}
"""For each thousand photos. Less can't be told from noise in a run of minutes."""


def main() -> int:
    """Run, and print the slopes. Returns 1 if the growth of a process is certainly more than it may be, or a job failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--results", type=Path, help="a file of JSON for the slopes")
    arguments = parser.parse_args()
    samples, begin = Samples(), time.monotonic()
    with start_stack() as (settings, url, key):
        failed = run_photos(url, key, arguments.seed, arguments.photos, samples, settings.stack_socket)
    seconds = time.monotonic() - begin
    slopes = samples.fit(arguments.photos)
    for process, by_measure in slopes.items():
        for measure, slope in by_measure.items():
            print(
                f"{process}: {measure} {slope.estimate:+.2f} for each 1,000 photos ({slope.low:+.2f} to {slope.high:+.2f})"
            )
    print(f"{arguments.photos:,} photos in {seconds:.0f} s, {failed} failed")
    if arguments.results:
        arguments.results.write_text(
            json.dumps(
                {
                    "date": f"{datetime.now(UTC):%Y-%m-%d}",
                    "cores": os.cpu_count(),
                    "photos": arguments.photos,
                    "seed": arguments.seed,
                    "seconds": round(seconds),
                    "failed": failed,
                    "peaks": samples.read_peaks(),
                    "slopes_for_1000_photos": {
                        process: {
                            name: [round(each, 3) for each in vars(slope).values()] for name, slope in found.items()
                        }
                        for process, found in slopes.items()
                    },
                },
                indent=2,
            )
            + "\n"
        )
    grown = find_grown(slopes)
    print(*grown, sep="\n")
    return 1 if grown or failed else 0


def find_grown(slopes: dict[str, dict[str, Slope]]) -> list[str]:
    """A sentence for each process that certainly grows by more than it may: the whole interval lies above that."""
    return [
        f"{process} grows: {measure} by at least {found[measure].low:.2f} for each 1,000 photos"
        for process, found in slopes.items()
        for measure in MEASURES
        if found[measure].low > MOST_GROWTH[measure]
    ]


def run_photos(url: str, key: str, seed: int, count: int, samples: Samples, stack_socket: Path) -> int:
    """Have that many photos analysed, and measure the stack's processes meanwhile. Returns how many jobs didn't succeed."""
    with Client(url, key) as client:

        def analyze(number: int) -> bool:
            return client.analyze(make_photo(seed, number), timeout_s=_JOB_TIMEOUT_S).status == "succeeded"

        failed, every = 0, max(1, count // _SAMPLES)
        with ThreadPoolExecutor(_CLIENTS) as pool:
            for start in range(0, count, every):
                failed += sum(not is_good for is_good in pool.map(analyze, range(start, min(start + every, count))))
                samples.add(stack_socket, start + every)
        return failed


if __name__ == "__main__":
    sys.exit(main())
