"""The shipped compose file on a real engine: started, used, scaled, killed, upgraded, rolled back, backed up and restored.

    python -m tests.fleet.run            or make test-fleet

Takes about ten minutes on two idle cores, and more the first time, when images are built. It uses a project of its own
(`emoscope-test`), ports that are free, and removes its containers and volumes at the end. Writes what was seen to
bench/results/fleet.json.
"""

import json
import os
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from emoscope.stack.demo_photos import portrait_photo
from tests.fleet import base_images, engine
from tests.support.ports import find_free_port

ROOT = Path(__file__).parents[2]
FOLDER = engine.FOLDER / "run"
RESULTS = ROOT / "bench/results/fleet.json"
PHOTO = portrait_photo("astronaut").data
JOBS = int(os.environ.get("FLEET_JOBS", "60"))
SERVICES = ["proxy", "postgres", "redis", "store", "api", "worker", "housekeeper", "beat"]
"""All but the trainer, whose image takes the longest to build: FLEET_TRAINING=1 adds it."""


class Fleet:
    """The compose project."""

    def __init__(self) -> None:
        self.port = find_free_port()
        written = engine.run("sh", str(ROOT / "deploy/compose/make-env.sh"))
        FOLDER.mkdir(parents=True, exist_ok=True)
        self.env_file = FOLDER / "env"
        names = {name.rpartition("/")[2].upper(): name for name in base_images.NAMES}
        images = "".join(f"{name}_IMAGE={image}\n" for name, image in names.items())
        self.env_file.write_text(f"{written}{images}EMOSCOPE_PORT={self.port}\nHTTPS_PORT={find_free_port()}\n")
        self.environment = {
            **os.environ,
            "COMPOSE_PROJECT_NAME": "emoscope-test",
            "COMPOSE_ENV_FILES": str(self.env_file),
            "COMPOSE_FILE": str(ROOT / "docker-compose.yml"),
        }

    def compose(self, *words: str, timeout_s: float = 900, **more: Any) -> str:
        return engine.run("docker", "compose", *words, timeout_s=timeout_s, env=self.environment, cwd=ROOT, **more)

    def roll(self, *services: str) -> None:
        engine.run("sh", str(ROOT / "deploy/compose/roll.sh"), *services, timeout_s=900, env=self.environment, cwd=ROOT)

    def request(self, method: str, path: str, key: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, method=method)
        for name, value in {"Authorization": f"Bearer {key}", "Content-Type": "image/jpeg", **headers}.items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=90) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, None

    def submit(self, key: str, **headers: str) -> str:
        status, job = self.request("POST", "/v1/jobs", key, PHOTO, **headers)
        assert status in {200, 201, 202}, status
        return str(job["id"])

    def wait_for(self, key: str, job_ids: list[str], timeout_s: float = 300) -> Counter[str]:
        end = time.monotonic() + timeout_s
        while True:
            found = Counter(str(self.request("GET", f"/v1/jobs/{job_id}", key)[1]["status"]) for job_id in job_ids)
            if set(found) <= {"succeeded", "failed", "canceled"} or time.monotonic() > end:
                return found
            time.sleep(1)


class Client(threading.Thread):
    """Submits and reads without a pause, tries nothing twice, and counts how each request ended."""

    def __init__(self, fleet: Fleet, key: str) -> None:
        super().__init__(daemon=True)
        self.fleet, self.key = fleet, key
        self.done = threading.Event()
        self.outcomes: Counter[str] = Counter()
        self.job_ids: list[str] = []

    def run(self) -> None:
        while not self.done.is_set():
            try:
                self.job_ids.append(self.fleet.submit(self.key))
                self.outcomes["ok"] += 1
                status, _ = self.fleet.request("GET", f"/v1/jobs/{self.job_ids[-1]}?wait=2", self.key)
                self.outcomes["ok" if status == 200 else str(status)] += 1
            except (OSError, AssertionError, ValueError) as error:
                self.outcomes[f"{type(error).__name__}: {error}"[:100]] += 1
                print(f"{datetime.now(UTC):%H:%M:%S} {error!r}", flush=True)

    def stop(self) -> None:
        self.done.set()
        self.join(120)


def step(text: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {text}", flush=True)


def run_fleet(fleet: Fleet) -> dict[str, Any]:
    seen: dict[str, Any] = {"at": datetime.now(UTC).isoformat(timespec="seconds")}
    services = SERVICES + (["training"] if os.environ.get("FLEET_TRAINING") else [])
    step("starting")
    fleet.compose("up", "-d", "--no-build", "--wait", "--wait-timeout", "400", *services)
    key = fleet.compose("exec", "-T", "api", "emoscope", "key", "create", "fleet-test").split()[-1]

    step("analysing")
    status, job = fleet.request("POST", "/v1/jobs", key, PHOTO, Prefer="wait=60")
    assert (status, job["status"]) in {(200, "succeeded"), (201, "succeeded")}, (status, job)
    seen["faces"] = len(job["faces"])

    step("three workers, one of them killed while jobs run")
    fleet.compose("up", "-d", "--no-build", "--no-recreate", "--scale", "worker=3", "worker")
    job_ids = [fleet.submit(key) for _ in range(JOBS)]
    killed = fleet.compose("ps", "-q", "worker").split()[0]
    engine.run("docker", "kill", killed)
    fleet.compose("kill", "redis")
    fleet.compose("up", "-d", "--no-build", "--no-recreate", "redis", "worker")
    seen["after_kills"] = dict(fleet.wait_for(key, job_ids))

    step("two APIs; an upgrade and a rollback while a client counts")
    fleet.compose("up", "-d", "--no-build", "--no-recreate", "--no-deps", "--scale", "api=2", "--wait", "api")
    client = Client(fleet, key)
    client.start()
    for name in ("upgrade", "rollback"):
        fleet.roll("api")
        seen[f"requests_until_{name}"] = dict(client.outcomes)
    client.stop()
    seen["requests"] = dict(client.outcomes)

    step("a backup, and a restore into new volumes")
    backup = FOLDER / "backup.tar"
    with backup.open("wb") as out:
        command = ["docker", "compose", "exec", "-T", "api", "emoscope", "backup", "-"]
        subprocess.run(command, stdout=out, env=fleet.environment, cwd=ROOT, check=True, timeout=600)
    seen["backup_bytes"] = backup.stat().st_size
    before = fleet.wait_for(key, job_ids)
    fleet.compose("down", "--volumes", "--timeout", "10")
    fleet.compose("up", "-d", "--no-build", "--wait", "postgres", "redis", "store")
    with backup.open("rb") as source:
        fleet.compose("run", "--rm", "-T", "--no-deps", "migrate", "emoscope", "restore", "-", stdin=source)
    fleet.compose("up", "-d", "--no-build", "--wait", "--wait-timeout", "400", *services)
    seen["jobs_as_before_the_restore"] = fleet.wait_for(key, job_ids) == before
    status, job = fleet.request("POST", "/v1/jobs", key, PHOTO, Prefer="wait=60")
    seen["old_key_analyses_after_the_restore"] = bool(job and job["status"] == "succeeded")
    return seen


def main() -> None:
    engine.start()
    base_images.build()
    fleet = Fleet()
    step("building")
    built = ["migrate", "worker", *(["training"] if os.environ.get("FLEET_TRAINING") else [])]
    if not os.environ.get("FLEET_NO_BUILD"):
        fleet.compose("build", *built, timeout_s=3600)
    try:
        seen = run_fleet(fleet)
    finally:
        if not os.environ.get("FLEET_KEEP"):
            fleet.compose("down", "--volumes", "--timeout", "5")
            shutil.rmtree(FOLDER, ignore_errors=True)
    sizes = engine.run("docker", "images", "--format", "{{.Repository}} {{.Size}}", "--filter", "reference=emoscope/*")
    seen["image_sizes"] = dict(line.split() for line in sizes.splitlines())
    RESULTS.write_text(json.dumps(seen, indent=1) + "\n")
    print(json.dumps(seen, indent=1))
    assert set(seen["after_kills"]) == {"succeeded"}, "jobs were lost"
    assert set(seen["requests"]) == {"ok"}, "requests were lost"
    assert seen["jobs_as_before_the_restore"]
    assert seen["old_key_analyses_after_the_restore"]


if __name__ == "__main__":
    main()
