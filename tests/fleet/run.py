"""The shipped compose file on a real engine: started, upgraded, rolled back, scaled, killed, encrypted, backed up and restored.

    python -m tests.fleet.run [STEP...]            or make test-fleet

Takes half an hour on two cores, and more the first time, when images are built. It uses a project of its own
(`emoscope-test`), ports that are free, and removes its containers and volumes at the end. Writes what was seen to
bench/results/fleet.json, each step with its time. Without arguments it does all steps; names of steps choose some.
"""

import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.fleet import (
    base_images,
    connections,
    differing,
    encryption,
    engine,
    erasing,
    more_pages,
    moving,
    outage,
    proxying,
    releases,
    reverting,
    rotating,
    steps,
    training,
    watching,
)
from tests.fleet.project import FOLDER, OURS, ROOT, Fleet

RESULTS = ROOT / "bench/results/fleet.json"
JOBS = int(os.environ.get("FLEET_JOBS", "60"))


def build() -> dict[str, Any]:
    """Build every image of this tree, those of the commit before, and this tree's again after a change of code."""
    commit = releases.find_commit_before()
    seen: dict[str, Any] = {"commit_before": commit[:12]}
    seen["build_s"] = {
        "now": releases.build(ROOT, "now", releases.TARGETS),
        "before": releases.build_before(commit),
        "after_a_change_of_code": releases.time_rebuild_after_a_change(releases.TARGETS),
    }
    seen["image_mb"] = releases.read_sizes()
    return seen


def start(fleet: Fleet, tag: str) -> str:
    """Start a release, with two APIs. Returns a key."""
    fleet.use_release(tag)
    fleet.set_values(API_REPLICAS="2")
    fleet.up("proxy", "postgres", "redis", "store", *OURS)
    return fleet.make_key("fleet-test")


def run_steps(fleet: Fleet, wanted: list[str], seen: dict[str, Any]) -> None:
    """Do the steps in their order."""
    alone: dict[str, Callable[[], Any]] = {"install": more_pages.install, "move": moving.move}
    do_wanted(alone, wanted, seen)
    if wanted and set(wanted) <= set(alone):
        return
    began = time.monotonic()
    print(f"{datetime.now(UTC):%H:%M:%S} start", flush=True)
    key = start(fleet, "before" if not wanted or "roll" in wanted else "now")
    record(seen, "start", {"start_s": round(time.monotonic() - began)})
    job_ids = [fleet.submit(key) for _ in range(10)]
    everything: dict[str, Callable[[], Any]] = {
        "analysis_before": lambda: steps.analyze(fleet, key),
        "roll": lambda: {"from": releases.find_commit_before()[:12]} | steps.roll(fleet, key),
        "schema_back": lambda: reverting.revert_schema(fleet, key),
        "analysis": lambda: steps.analyze(fleet, key),
        "erase": lambda: erasing.erase(fleet, key),
        "confinement": lambda: steps.look_at_confinement(fleet),
        "proxy": lambda: proxying.look_at_proxy(fleet, key),
        "stop": lambda: steps.stop_an_api(fleet, key),
        "kills": lambda: steps.kill(fleet, key, JOBS),
        "second_machine": lambda: more_pages.add_a_machine(fleet, key),
        "differing": lambda: differing.differ(fleet, key),
        "outage": lambda: outage.outlast(fleet, key),
        "secrets": lambda: rotating.rotate_secrets(fleet, key),
        "watch": lambda: watching.watch(fleet, key),
        "training": lambda: training.train(fleet, key),
        "connections": lambda: connections.count(fleet, key),
        "any_user": lambda: steps.run_as_any_user(fleet),
        "encryption": lambda: encryption.encrypt(fleet, key),
        "backup": lambda: steps.back_up_and_restore(fleet, key, job_ids),
    }
    do_wanted(everything, wanted, seen)


def do_wanted(steps_by_name: dict[str, Callable[[], Any]], wanted: list[str], seen: dict[str, Any]) -> None:
    """Do those steps that are wanted, all if none is named."""
    for name, do in steps_by_name.items():
        if not wanted or name in wanted:
            print(f"{datetime.now(UTC):%H:%M:%S} {name}", flush=True)
            os.umask(
                0o022
            )  # `move` runs a stack in this process, which keeps its files private; containers must read ours
            record(seen, name, {name: do()})


def record(seen: dict[str, Any], step: str, found: dict[str, Any]) -> None:
    """Add what a step saw to what this run saw, and to the results, where the other steps stay as they were seen last."""
    print(f"         {json.dumps(found)}", flush=True)
    seen |= found
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    times = results.setdefault("at", {})
    times[step] = datetime.now(UTC).isoformat(timespec="seconds")
    RESULTS.write_text(json.dumps(results | found, indent=1) + "\n")


def main() -> None:
    engine.start()
    engine.tidy()
    base_images.prepare()
    seen: dict[str, Any] = {}
    if not os.environ.get("FLEET_NO_BUILD"):
        print(f"{datetime.now(UTC):%H:%M:%S} building", flush=True)
        record(seen, "build", build())
    fleet = Fleet()
    try:
        run_steps(fleet, sys.argv[1:], seen)
    except BaseException:
        print(fleet.compose("ps", "-a"), fleet.compose("logs", "--tail", "15", "--no-color"))
        raise
    finally:
        if not os.environ.get("FLEET_KEEP"):
            fleet.compose("down", "--volumes", "--remove-orphans", "--timeout", "5")
            shutil.rmtree(FOLDER, ignore_errors=True)
    print(json.dumps(seen, indent=1))


if __name__ == "__main__":
    main()
