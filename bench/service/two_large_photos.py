"""Measures the memory of the whole one-machine stack while it analyses two of the largest photos at the same time.

    python -m bench.service.two_large_photos [--side 9990] [--only png-bad-checksum,png-16-rgba]

Sums the proportional set size (PSS) of all processes ten times a second, so that shared memory counts once. Prints a JSON object
with the idle sum, and the maximum of each pair of files.
"""

import argparse
import json
import tempfile
import threading
from pathlib import Path

import psutil

from bench.analysis.large_photos import list_makers
from bench.machine import describe_machine
from emoscope.cli.commands.demo import find_free_port
from emoscope.settings import Settings
from emoscope.stack.embedded import Stack
from emoscope_client import Client

_PAIRS = "png-bad-checksum,png-16-rgba,tiff-float,png-interlaced,webp-lossy-largest,heic-largest"
_EVERY_S = 0.1
_TIMEOUT_S = 300


class Peak(threading.Thread):
    """Samples the memory of all descendants of this process until stopped."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most_mb = 0.0
        self._ended = threading.Event()

    def run(self) -> None:
        """Called by the thread."""
        while not self._ended.wait(_EVERY_S):
            self.most_mb = max(self.most_mb, sum_pss_mb())

    def stop(self) -> float:
        """Return the maximum."""
        self._ended.set()
        self.join()
        return self.most_mb


def sum_pss_mb() -> float:
    """Return the PSS of all descendants of this process."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            total += process.memory_full_info().pss / 1e6
        except psutil.Error:  # it has ended in the meantime
            continue
    return total


def main() -> None:
    """Run the measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=9990)
    parser.add_argument("--only", default=_PAIRS, help="names of files, with commas between; two and two go together")
    asked = parser.parse_args()
    makers, names = list_makers(asked.side), asked.only.split(",")
    found: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(_env_file=None, data_dir=Path(folder), port=find_free_port("127.0.0.1"), rate_limit="")
        with Stack(settings, lambda _step: None) as stack:
            assert stack.client is not None
            with Client(stack.client.api_url, stack.client.api_key) as client:
                found["idle_mb"] = round(sum_pss_mb())
                for first, second in zip(names[::2], names[1::2], strict=True):
                    photos = [makers[name]() for name in (first, second)]
                    peak = Peak()
                    peak.start()
                    jobs = [client.create_job(photo) for photo in photos]
                    ended = [client.wait_for_job(job, timeout_s=_TIMEOUT_S) for job in jobs]
                    found[f"{first} and {second}"] = {
                        "most_mb": round(peak.stop()),
                        "said": [str(job.error.code if job.error else job.status) for job in ended],
                    }
                    print(json.dumps(found), flush=True)
    print(json.dumps(found | {"machine": describe_machine()}, indent=2))


if __name__ == "__main__":
    main()
