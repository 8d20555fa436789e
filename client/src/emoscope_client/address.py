"""Finds the service that a client talks to, and its API key."""

import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from emoscope_client.errors import InvalidAddress, NoAddress

_LOCAL_FILE = "client.json"


@dataclass(frozen=True)
class Address:
    """The URL of an API, and a key for it."""

    api_url: str
    api_key: str = field(repr=False)


def find_address(base_url: str | None, api_key: str | None, data_dir: Path | None = None) -> Address:
    """Find URL and key: the given ones, those of the environment, or those of the service on this machine.

    data_dir: data folder of that service. Default: EMOSCOPE_DATA_DIR, or the default folder of `emoscope up`. The local service's
    key is never sent to another address. Raises NoAddress, InvalidAddress.
    """
    url = base_url or os.environ.get("EMOSCOPE_API_URL", "")
    key = api_key or os.environ.get("EMOSCOPE_API_KEY", "")
    local = None if url and key else read_local_address(data_dir or find_data_dir())
    if local is not None and url.rstrip("/") in {"", local.api_url.rstrip("/")}:
        url, key = local.api_url, key or local.api_key
    if not url or not key:
        missing = "address" if not url else "API key"
        raise NoAddress(
            f"no {missing}: set EMOSCOPE_API_URL and EMOSCOPE_API_KEY, or start a service on this machine with `emoscope up`"
        )
    if not url.startswith(("http://", "https://")):
        raise InvalidAddress(f"the address {url!r} does not start with http:// or https://")
    if not (key.isascii() and key.isprintable()):
        raise InvalidAddress("the API key has characters that no valid key has")
    return Address(url.rstrip("/"), key)


def find_data_dir() -> Path:
    """Return the default data folder of `emoscope up` for this user on this machine."""
    if named := os.environ.get("EMOSCOPE_DATA_DIR"):
        return Path(named)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "emoscope"
    base = os.environ.get("XDG_DATA_HOME", "").strip()
    return (Path(base) if base else Path.home() / ".local" / "share") / "emoscope"


def read_local_address(data_dir: Path) -> Address | None:
    """Return what the service of this data folder wrote at its last start, or None if it is missing or unreadable."""
    try:
        found = json.loads((data_dir / _LOCAL_FILE).read_text())
        return Address(api_url=str(found["api_url"]), api_key=str(found["api_key"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_local_address(data_dir: Path, address: Address) -> None:
    """Store URL and key for clients on this machine, in a file that only its owner may read. Raises OSError."""
    draft = data_dir / f"{_LOCAL_FILE}.draft"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"api_url": address.api_url, "api_key": address.api_key}, file)
    draft.replace(data_dir / _LOCAL_FILE)
