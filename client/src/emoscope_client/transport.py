"""Arguments for httpx, shared by both clients."""

from collections.abc import Mapping, Sequence
from typing import TypedDict

from emoscope_client._version import __version__
from emoscope_client.address import Address
from emoscope_client.steps import Call

_CONNECT_TIMEOUT_S = 10.0


class RequestArguments(TypedDict):
    """Arguments of httpx's `request`."""

    method: str
    url: str
    params: Mapping[str, str] | None
    headers: Mapping[str, str]
    files: Sequence[tuple[str, tuple[str, bytes]]] | None
    json: Mapping[str, object] | None
    timeout: tuple[float, float, float, float]


def make_headers(address: Address) -> dict[str, str]:
    """Return the headers of every request."""
    return {"Authorization": f"Bearer {address.api_key}", "User-Agent": f"emoscope-client/{__version__}"}


def make_request(address: Address, headers: Mapping[str, str], call: Call) -> RequestArguments:
    """Convert a call to httpx's arguments."""
    connect_s = min(call.timeout_s, _CONNECT_TIMEOUT_S)
    return {
        "method": call.method,
        "url": address.api_url + call.path,
        "params": call.params or None,
        "headers": {**headers, **call.headers},
        "files": call.files or None,
        "json": call.json,
        "timeout": (connect_s, call.timeout_s, call.timeout_s, call.timeout_s),  # connect, read, write, pool
    }
