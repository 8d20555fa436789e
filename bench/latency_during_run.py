"""Measures how a training run slows analysis on the same machine: seconds from submission to result, without and with a run.

`python -m bench.latency_during_run --csv FILE [--jobs 100]` starts a one-machine stack in a temporary folder, sends photos one
after another, starts a training run, waits until it trains, sends as many again, and cancels the run.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import httpx

from emoscope.settings import Settings
from emoscope.stack.demo_photos import portrait_photo
from emoscope.stack.embedded import Stack

_PORT = 8765
_TRAINING_TIMEOUT_S = 600


def main() -> None:
    """Measure, and print milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--csv", type=Path, required=True, help="prepared dataset to train on")
    parser.add_argument(
        "--votes", type=Path, required=True, help="its FER+ votes, which the shipped champion was taught"
    )
    parser.add_argument("--jobs", type=int, default=100, help="photos without a run, and as many with one")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            _env_file=None,
            data_dir=Path(folder),
            port=_PORT,
            rate_limit="",
            dataset_csv=arguments.csv.resolve(),
            dataset_votes=arguments.votes.resolve(),
        )
        with Stack(settings, print) as stack:
            assert stack.client is not None
            headers = {"Authorization": f"Bearer {stack.client.api_key}"}
            with httpx.Client(base_url=stack.client.api_url, headers=headers, timeout=60) as http:
                measure(http, 10)
                figures = {"without a run": measure(http, arguments.jobs)}
                run = http.post("/v1/training-runs", json={"from_scratch": True}).raise_for_status().json()
                wait_until_training(http, run["url"])
                figures["with a run"] = measure(http, arguments.jobs)
                http.post(f"{run['url']}/cancel", json={}).raise_for_status()
    load = os.getloadavg()[0]
    print(json.dumps({"milliseconds": figures, "jobs": arguments.jobs, "load at the end": round(load, 1)}, indent=2))


def wait_until_training(http: httpx.Client, url: str) -> None:
    """Wait until the run reports its first steps. Raises RuntimeError if it ends or takes too long."""
    end = time.monotonic() + _TRAINING_TIMEOUT_S
    while time.monotonic() < end:
        run = http.get(url).raise_for_status().json()
        if (run["progress"] or {}).get("epoch"):
            return
        if run["finished_at"] is not None:
            raise RuntimeError(f"the run ended: {run['reason'] or run['error_detail']}")
        time.sleep(0.5)
    raise RuntimeError("the run doesn't train")


def measure(http: httpx.Client, jobs: int) -> dict[str, float]:
    """Return median, 95th percentile and maximum in milliseconds for photos sent one after another."""
    photo, times = portrait_photo("astronaut").data, []
    for _ in range(jobs):
        started = time.perf_counter()
        answer = http.post("/v1/jobs", content=photo, headers={"Prefer": "wait=30"}).raise_for_status()
        assert answer.json()["status"] == "succeeded", answer.text
        times.append((time.perf_counter() - started) * 1000)
    cuts = statistics.quantiles(times, n=20)
    return {"median": round(statistics.median(times), 1), "p95": round(cuts[18], 1), "most": round(max(times), 1)}


if __name__ == "__main__":
    main()
