"""Converts an ASGI scope to a WSGI environ (PEP 3333)."""

import re
import sys
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

_ORIGIN = re.compile(rb"\Ahttps?://[^/]*", re.IGNORECASE)
"""A request line may contain the whole URL (RFC 9112, section 3.2.2)."""

Scope = dict[str, Any]
"""The ASGI scope of a request."""


def make_environ(scope: Scope) -> dict[str, Any]:
    """Build the environ of a request without its body; see `add_body`."""
    raw_path = _ORIGIN.sub(b"", bytes(scope["raw_path"]).partition(b"?")[0]) or b"/"
    query = bytes(scope["query_string"]).decode("latin-1")
    server = scope["server"] or ("localhost", 80)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(raw_path).decode("latin-1"),
        "QUERY_STRING": query,
        "RAW_URI": raw_path.decode("latin-1") + (f"?{query}" if query else ""),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": BytesIO(),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if scope["client"]:
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = scope["client"][0], str(scope["client"][1])
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").upper().replace("-", "_"), raw_value.decode("latin-1")
        if name not in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
            name = f"HTTP_{name}"
        # Cookies are joined as in RFC 6265, all other repeated headers as a list (RFC 9110, section 5.3).
        separator = "; " if name == "HTTP_COOKIE" else ","
        environ[name] = f"{environ[name]}{separator}{value}" if name in environ else value
    return environ


def add_body(environ: dict[str, Any], body: Any, byte_count: int) -> None:
    """Add the complete body to an environ. Its length is known now, even if it came in chunks."""
    environ["wsgi.input"] = body
    environ["CONTENT_LENGTH"] = str(byte_count)
    environ.pop("HTTP_TRANSFER_ENCODING", None)


def find_header(scope: Scope, name: bytes) -> bytes | None:
    """Return the first header with this lower-case name."""
    return next((value for given, value in scope["headers"] if given == name), None)
