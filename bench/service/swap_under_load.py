"""Measures how fast workers switch to a promoted version under load, and whether a job is lost.

    python -m bench.service.swap_under_load --swaps 6

Starts a one-machine stack in a temporary folder with default settings, keeps photos in flight, and repeatedly promotes another
shipped version. Prints the seconds from a promotion to the first result of the new version and to the last of the old one, and
how many jobs failed.
"""

import argparse
import json
import os
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx

from emoscope.cli.commands.demo import find_free_port
from emoscope.settings import Settings
from emoscope.stack.demo_photos import portrait_photo
from emoscope.stack.embedded import Stack
from emoscope_client import Client

_SENDERS = 6


@dataclass(frozen=True)
class Answer:
    """One job: when its result was available, in monotonic time, and which version classified its face."""

    at: float
    version: int


class Load:
    """Sends photos continuously from several threads, and keeps the results."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._photo = portrait_photo("astronaut").data
        self._stopped = threading.Event()
        self._pool = ThreadPoolExecutor(_SENDERS)
        self.answers: list[Answer] = []
        self.failures: list[str] = []
        self._running = [self._pool.submit(self._send) for _ in range(_SENDERS)]

    def stop(self) -> None:
        """Let every sender finish its job. Raises their exceptions."""
        self._stopped.set()
        for sender in self._running:
            sender.result()
        self._pool.shutdown()

    def _send(self) -> None:
        while not self._stopped.is_set():
            job = self._client.analyze(self._photo, photo_retention_s=0)
            if job.error is not None or not job.faces:
                self.failures.append(f"{job.id}: {job.status} {job.error}")
            else:
                self.answers.append(Answer(time.monotonic(), job.faces[0].model_version))


def main() -> None:
    """Swap, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--swaps", type=int, default=6)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(_env_file=None, data_dir=Path(folder), port=find_free_port("127.0.0.1"), rate_limit="")
        with Stack(settings, print) as stack:
            assert stack.client is not None
            headers = {"Authorization": f"Bearer {stack.client.api_key}"}
            with (
                Client(stack.client.api_url, stack.client.api_key) as client,
                httpx.Client(base_url=stack.client.api_url, headers=headers, timeout=60) as http,
            ):
                load = Load(client)
                try:
                    swaps = [swap(http, load) for _ in range(arguments.swaps)]
                finally:
                    load.stop()
    figures = {
        "until the first answer of the new version, s": summarize([first for first, _ in swaps]),
        "until the last answer of the old version, s": summarize([last for _, last in swaps]),
        "jobs": len(load.answers) + len(load.failures),
        "failed": load.failures,
        "heartbeat, s": settings.worker_heartbeat_s,
        "load at the end": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(figures, indent=2))


def swap(http: httpx.Client, load: Load) -> tuple[float, float]:
    """Promote the other of the two newest versions. Returns seconds until its first result, and until the last of the old one."""
    shown = http.get("/v1/model-versions").raise_for_status().json()["items"]
    new = next(item["number"] for item in shown if not item["is_champion"])
    before = len(load.answers)
    http.post("/v1/promotions", json={"model_version": new, "reason": "measuring"}).raise_for_status()
    started = time.monotonic()
    # as many consecutive results of the new version as jobs can be in flight: every process has swapped
    while len(load.answers) < before + 20 or {answer.version for answer in load.answers[-20:]} != {new}:
        time.sleep(0.05)
    since = load.answers[before:]
    first = min(answer.at for answer in since if answer.version == new)
    last = max((answer.at for answer in since if answer.version != new), default=started)
    return first - started, max(0.0, last - started)


def summarize(seconds: list[float]) -> dict[str, float]:
    """Return minimum, median and maximum."""
    return {"least": round(min(seconds), 2), "median": round(median(seconds), 2), "most": round(max(seconds), 2)}


if __name__ == "__main__":
    main()
