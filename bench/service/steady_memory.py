"""Measures the resident memory of worker processes while the one-machine stack analyses many photos.

    python -m bench.service.steady_memory --jobs 1000

Prints a line every hundred jobs, then the memory after the first and the last hundred, and the overall jobs per second.
"""

import argparse
import itertools
import tempfile
import time
from collections import deque
from pathlib import Path

import psutil

from emoscope.cli.commands.demo import find_free_port
from emoscope.settings import Settings
from emoscope.stack.demo_photos import load_demo_photos
from emoscope.stack.embedded import Stack
from emoscope_client import Client, Job

_IN_FLIGHT = 20
_LINE_EVERY = 100


def measure_processes_mb(stack: Stack) -> list[float]:
    """Return the resident MB of each process of the analysis worker, smallest first."""
    worker = psutil.Process(stack.find_pid("worker"))
    # multiprocessing's helper process has a few MB; a process with a loaded model has many
    sizes = (child.memory_info().rss / 1e6 for child in worker.children())
    return sorted(size for size in sizes if size > 40)


def main() -> None:
    """Run the measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1000)
    jobs: int = parser.parse_args().jobs
    photos = itertools.cycle(photo.data for photo in load_demo_photos())
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(_env_file=None, data_dir=Path(folder), port=find_free_port("127.0.0.1"), rate_limit="")
        with Stack(settings, print) as stack, Client(stack.client.api_url, stack.client.api_key) as client:  # type: ignore[union-attr]
            seen: list[list[float]] = []
            in_flight: deque[Job] = deque()
            start = time.perf_counter()
            for number in range(1, jobs + 1):
                in_flight.append(client.create_job(next(photos), photo_retention_s=0))
                if len(in_flight) == _IN_FLIGHT:
                    assert client.wait_for_job(in_flight.popleft()).error is None
                if number % _LINE_EVERY == 0:
                    seen.append(measure_processes_mb(stack))
                    rate = number / (time.perf_counter() - start)
                    print(
                        f"{number:6} jobs  {rate:6.1f} a second  children {[round(size) for size in seen[-1]]} MB",
                        flush=True,
                    )
            while in_flight:
                assert client.wait_for_job(in_flight.popleft()).error is None
            print(f"{jobs / (time.perf_counter() - start):.1f} jobs a second, {_IN_FLIGHT} in flight")
            print(f"largest child: {seen[0][-1]:.0f} MB after {_LINE_EVERY} jobs, {seen[-1][-1]:.0f} MB after {jobs}")


if __name__ == "__main__":
    main()
