"""The proxy before the APIs: it shares requests among them, and closes a connection whose headers don't end."""

import socket
import time
from typing import Any

from tests.fleet import engine
from tests.fleet.project import Fleet

_REQUESTS = 40
_HEADERS_S = (8.0, 20.0)
"""The proxy's limit is 10 s."""


def look_at_proxy(fleet: Fleet, key: str) -> dict[str, Any]:
    """Count the requests of each API, and time how long half of a request is waited for."""
    since = str(time.time())
    for _ in range(_REQUESTS):
        assert fleet.ask("GET", "/v1/jobs?limit=1", key).status == 200
    shares = [_count_requests(container, since) for container in fleet.list_containers("api")]
    assert sum(shares) == _REQUESTS, shares
    assert min(shares) > _REQUESTS // 10, shares
    with socket.create_connection(("127.0.0.1", fleet.port), timeout=60) as connection:
        began = time.monotonic()
        connection.sendall(b"GET /v1/jobs HTTP/1.1\r\nHost: localhost\r\n")
        while connection.recv(1000):
            pass
        waited_s = time.monotonic() - began
    assert _HEADERS_S[0] < waited_s < _HEADERS_S[1], waited_s
    return {"requests_of_each_api": shares, "half_a_request_closed_after_s": round(waited_s, 1)}


def _count_requests(container: str, since: str) -> int:
    log = engine.run("sh", "-c", f"docker logs --since {since} {container} 2>&1")
    return sum('"event": "request"' in line and '"route": "/v1/jobs"' in line for line in log.splitlines())
