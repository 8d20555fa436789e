"""Photos that are submitted until each is accepted, and the receiver of their callbacks."""

import http.server
import json
import threading
import time
from collections import defaultdict
from typing import Self
from uuid import UUID, uuid4

import httpx

from emoscope.stack.demo_photos import compose_page, portrait_photo

PHOTOS = (portrait_photo("astronaut").data, portrait_photo("grace_hopper").data, compose_page().data)
_REFUSE_EVERY = 7
"""The first call for one in this many jobs is answered with 503, so that deliveries are repeated. No job is refused twice: the
pauses between attempts grow to minutes."""


class Receiver:
    """Counts the calls by job and by their id. Use it as a context manager."""

    def __init__(self) -> None:
        self.ids: defaultdict[str, set[str]] = defaultdict(set)
        self.taken: set[str] = set()
        """Jobs of which a call was answered with 204."""
        self._firsts = 0
        self._lock = threading.Lock()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                is_taken = receiver._count(str(body["data"]["id"]), str(self.headers["webhook-id"]))
                self.send_response(204 if is_taken else 503)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/done"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _count(self, job_id: str, call_id: str) -> bool:
        with self._lock:
            is_first = job_id not in self.ids
            self._firsts += is_first
            self.ids[job_id].add(call_id)
            is_taken = not is_first or self._firsts % _REFUSE_EVERY != 0
            if is_taken:
                self.taken.add(job_id)
            return is_taken


class Submitter:
    """Submits photos evenly over the length of a run, each until it is accepted."""

    def __init__(self, url: str, api_key: str, callback_url: str) -> None:
        self._client = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {api_key}", "Content-Type": "image/jpeg"}, timeout=10
        )
        self._callback_url = callback_url
        self.jobs: dict[UUID, int] = {}
        """Accepted jobs, each with the number of its photo."""
        self.refusals: defaultdict[str, int] = defaultdict(int)
        """Answers other than 202, by status or kind of error."""
        self._lock = threading.Lock()

    def submit(self, photo: int, give_up_s: float = 300, **params: str | int) -> UUID:
        """Submit a photo, and repeat the request with the same key until it is accepted. Returns the job's id."""
        headers = {"Idempotency-Key": str(uuid4())}
        query: dict[str, str | int] = {"callback_url": self._callback_url, **params}
        end = time.monotonic() + give_up_s
        while time.monotonic() < end:
            try:
                answer = self._client.post("/v1/jobs", content=PHOTOS[photo], headers=headers, params=query)
                if answer.status_code == httpx.codes.ACCEPTED:
                    job_id = UUID(answer.json()["id"])
                    with self._lock:
                        self.jobs[job_id] = photo
                    return job_id
                reason = f"{answer.status_code} {answer.json().get('code')}"
            except httpx.TransportError as error:
                reason = type(error).__name__
            except ValueError:
                reason = f"{answer.status_code} without JSON"
            with self._lock:
                self.refusals[reason] += 1
            time.sleep(0.2)
        raise AssertionError(f"no photo was accepted for {give_up_s:g} s; last: {reason}")

    def submit_over(self, seconds: float, count: int, threads: int = 4) -> list[threading.Thread]:
        """Begin to submit `count` photos over that time, in threads of its own."""
        begin = time.monotonic()

        def work(first: int) -> None:
            for number in range(first, count, threads):
                time.sleep(max(0.0, begin + seconds * number / count - time.monotonic()))
                self.submit(number % len(PHOTOS), priority="bulk")

        started = [threading.Thread(target=work, args=(first,), daemon=True) for first in range(threads)]
        for thread in started:
            thread.start()
        return started
