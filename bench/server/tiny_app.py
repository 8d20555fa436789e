"""A minimal WSGI application, so that the server dominates the measurement."""

import hashlib
import json
from collections.abc import Callable, Iterable
from typing import Any

_counts = {"whole": 0, "partial": 0}


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Serve: GET responds "ok"; GET /counts returns how many bodies were complete; POST needs a key, then hashes the body."""
    if environ["REQUEST_METHOD"] == "GET":
        answer = json.dumps(_counts).encode() if environ["PATH_INFO"] == "/counts" else b"ok"
        return _answer(start_response, "200 OK", answer)
    if environ.get("HTTP_AUTHORIZATION") != "Bearer key":
        return _answer(start_response, "401 Unauthorized", b"no key")
    if int(environ.get("CONTENT_LENGTH") or 0) > 25_000_000:
        return _answer(start_response, "413 Payload Too Large", b"too large")
    wanted = environ.get("CONTENT_LENGTH")
    body = environ["wsgi.input"].read(int(wanted)) if wanted else environ["wsgi.input"].read()
    _counts["whole" if not wanted or len(body) == int(wanted) else "partial"] += 1
    return _answer(start_response, "202 Accepted", hashlib.sha256(body).hexdigest().encode())


def _answer(start_response: Callable[..., Any], status: str, body: bytes) -> list[bytes]:
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def bridged() -> Any:
    """Return the application behind our bridge, for ASGI servers."""
    from api.core.server.bridge import Bridge, BridgeLimits

    return Bridge(app, BridgeLimits(threads=32))


class LazyBridge:
    """Creates the bridge at the first request, inside the server's event loop and process."""

    def __init__(self) -> None:
        self._bridge: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        self._bridge = self._bridge or bridged()
        await self._bridge(scope, receive, send)


asgi_app = LazyBridge()
