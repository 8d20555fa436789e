"""CORS for the origins in the settings. Cookies are never allowed: calls from other sites need a key."""

from flask import Flask, Response, request

_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
_REQUEST_HEADERS = "Authorization, Content-Type, Idempotency-Key, If-None-Match, Prefer, X-Request-ID"
_EXPOSED = "ETag, Idempotent-Replayed, Link, Location, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, X-Request-ID"
_PREFLIGHT_LIFE_S = 600


def register_cors(app: Flask, origins: str) -> None:
    """Add CORS headers for these origins. origins: separated by commas; `*` for any; empty for none."""
    allowed = frozenset(each.strip().rstrip("/") for each in origins.split(",") if each.strip())
    if not allowed:
        return

    @app.after_request
    def allow_origin(response: Response) -> Response:
        if not request.path.startswith("/v1/"):
            return response
        response.headers.add("Vary", "Origin")
        origin = request.headers.get("Origin")
        if origin is None or not (origin in allowed or "*" in allowed):
            return response
        response.headers["Access-Control-Allow-Origin"] = "*" if "*" in allowed else origin
        response.headers["Access-Control-Expose-Headers"] = _EXPOSED
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = _METHODS
            response.headers["Access-Control-Allow-Headers"] = _REQUEST_HEADERS
            response.headers["Access-Control-Max-Age"] = str(_PREFLIGHT_LIFE_S)
        return response
