"""A client that counts the results of its requests, and never retries."""

import http.client
import json
import threading
import time
from collections import Counter
from datetime import UTC, datetime

from tests.fleet.project import PHOTO, Fleet


class CountingClient(threading.Thread):
    """Submits a photo, waits for its result, and begins again, until it is told to stop.

    keeps_connection: whether it sends one request after the other on one connection, as most HTTP libraries do; else it
    connects anew for each.
    """

    def __init__(self, fleet: Fleet, key: str, *, keeps_connection: bool) -> None:
        super().__init__(daemon=True)
        self._fleet, self._key, self._keeps_connection = fleet, key, keeps_connection
        self._done = threading.Event()
        self._connection: http.client.HTTPConnection | None = None
        self.outcomes: Counter[str] = Counter()
        self.longest_s = 0.0
        self.job_ids: list[str] = []

    def run(self) -> None:
        while not self._done.is_set():
            job_id = self._ask("POST", "/v1/jobs", PHOTO)
            if job_id is not None:
                self.job_ids.append(job_id)
                self._ask("GET", f"/v1/jobs/{job_id}?wait=2")

    def _ask(self, method: str, path: str, body: bytes | None = None) -> str | None:
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self._fleet.port, timeout=60)
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "image/jpeg"}
        began = time.monotonic()
        try:
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection = None
            self._count(f"{method} {type(error).__name__}: {error}"[:120])
            return None
        finally:
            self.longest_s = max(self.longest_s, time.monotonic() - began)
        if not self._keeps_connection:
            self._connection.close()
            self._connection = None
        is_ok = 200 <= answer.status < 300
        self._count("ok" if is_ok else f"{method} {answer.status}")
        return str(json.loads(content)["id"]) if is_ok else None

    def _count(self, outcome: str) -> None:
        self.outcomes[outcome] += 1
        if outcome != "ok":
            print(f"{datetime.now(UTC):%H:%M:%S} {outcome}", flush=True)

    def stop(self) -> None:
        self._done.set()
        self.join(120)
