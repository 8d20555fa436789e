"""Counts PostgreSQL's connections while eight workers with four processes each run jobs, with the default limit."""

import json
import subprocess
import threading
import time
from typing import Any, Self

from tests.fleet import engine
from tests.fleet.project import FOLDER, Fleet

_WORKERS, _PROCESSES = 8, 4
"""What the page on sizing says that the default holds."""
_API_THREADS = 8
_JOBS = 200
_EVERY_S = 0.2
_START_S = 400
_COUNT = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'emoscope'"


class Counter:
    """Counts the service's connections until it is told to stop, on one connection of the superuser's own."""

    def __init__(self, fleet: Fleet) -> None:
        words = ["docker", "exec", "-i", fleet.list_containers("postgres")[0], "psql", "-qtAX", "-U", "postgres"]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.counts: list[int] = []
        self._reader = threading.Thread(target=self._read, daemon=True)

    def _read(self) -> None:
        assert self._process.stdout is not None
        self.counts.extend(int(line) for line in self._process.stdout if line.strip().isdigit())

    def __enter__(self) -> Self:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{_COUNT}\n\\watch i={_EVERY_S}\n")
        self._process.stdin.flush()
        self._reader.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.terminate()
        self._process.wait(20)
        self._reader.join(20)


def _wait_until_ready(fleet: Fleet) -> int:
    """Wait until all worker processes say that they are ready. Returns how many do."""
    asked = "SELECT count(*) FROM workers WHERE state = 'ready' AND seen_at > now() - interval '20 seconds'"
    end = time.monotonic() + _START_S
    while (ready := int(fleet.ask_database(asked))) < _WORKERS * _PROCESSES and time.monotonic() < end:
        time.sleep(2)
    return ready


def count(fleet: Fleet, key: str) -> dict[str, Any]:
    """Start the workers at once, submit jobs, and count. No connection is refused, and every job ends well."""
    overlay = FOLDER / "connections.json"
    services: dict[str, Any] = {
        "postgres": {"command": ["postgres"]},
        "worker": {"environment": {"EMOSCOPE_WORKER_PROCESSES": str(_PROCESSES)}},
        "api": {"environment": {"EMOSCOPE_API_THREADS": str(_API_THREADS)}},
    }
    overlay.write_text(json.dumps({"services": services}))
    fleet.files.append(overlay)
    try:
        fleet.compose("stop", "worker", "training")
        fleet.up("--no-deps", "postgres")
        fleet.up("--no-deps", "--scale", "api=1", "api", "housekeeper")
        limit = int(fleet.ask_database("SHOW max_connections"))
        with Counter(fleet) as counter:
            job_ids = [fleet.submit(key) for _ in range(_JOBS)]
            # Not `--wait`: so many start for longer than a health check allows one.
            fleet.compose("up", "-d", "--no-build", "--no-deps", "--scale", f"worker={_WORKERS}", "worker")
            ready = _wait_until_ready(fleet)
            idle = len(counter.counts)
            job_ids += [fleet.submit(key) for _ in range(_JOBS)]
            ended = dict(fleet.wait_for(key, job_ids))
        log = engine.run("sh", "-c", f"docker logs {fleet.list_containers('postgres')[0]} 2>&1")
        refused = [
            line for line in log.splitlines() if "too many clients" in line or "remaining connection slots" in line
        ]
    finally:
        fleet.files.remove(overlay)
        fleet.up("--no-deps", "postgres")
        fleet.up("--no-deps", "api", "worker", "housekeeper", "training")
    seen = {
        "max_connections": limit,
        "workers": _WORKERS,
        "worker_processes": _WORKERS * _PROCESSES,
        "ready_processes": ready,
        "api_threads": _API_THREADS,
        "jobs": ended,
        "peak_while_starting": max(counter.counts[:idle]),
        "peak": max(counter.counts),
        "counts": len(counter.counts),
        "refused": len(refused),
    }
    assert limit == 100, seen
    assert ready == _WORKERS * _PROCESSES, seen
    assert ended == {"succeeded": 2 * _JOBS}, seen
    assert not refused, seen
    return seen
