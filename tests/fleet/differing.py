"""A worker with another detector than the fleet's: /readyz and the metrics say so, and its faces say by what they were found."""

import time
from typing import Any

from tests.fleet import engine
from tests.fleet.project import PHOTO, Fleet

_OTHER = "hog"
_TOLD_S = 120


def differ(fleet: Fleet, key: str) -> dict[str, Any]:
    """Start the worker beside the fleet's, read what is said, then let it work alone."""
    container = fleet.compose("run", "-d", "--no-deps", "-e", f"EMOSCOPE_DETECTOR={_OTHER}", "worker").strip()
    try:
        end = time.monotonic() + _TOLD_S
        while "are configured differently" not in (said := _read_workers(fleet, key)):
            assert time.monotonic() < end, said
            time.sleep(1)
        assert f"detector {_OTHER} in place of blazeface" in said, said
        metrics = fleet.ask("GET", "/metrics", key).body.decode()
        (counted,) = [
            line.split()[-1] for line in metrics.splitlines() if line.startswith("emoscope_workers_differing ")
        ]
        assert float(counted) > 0
        fleet.compose("stop", "worker")  # stops the service's containers, and not the one that was run beside them
        job = fleet.ask("POST", "/v1/jobs", key, PHOTO, Prefer="wait=60").body
        assert job["status"] == "succeeded", job
        stamps = {face["detector"] for face in job["faces"]}
        assert stamps == {_OTHER}, job
    finally:
        engine.run("docker", "rm", "-fv", container)
        fleet.compose("start", "worker")
    fleet.up("--no-deps", "--no-recreate", "worker")
    return {"readyz": said, "workers_differing": int(float(counted)), "faces_found_by": sorted(stamps)}


def _read_workers(fleet: Fleet, key: str) -> str:
    return str(fleet.ask("GET", "/readyz", key).body["checks"]["workers"]["detail"])
