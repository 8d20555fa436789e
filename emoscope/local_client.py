"""How the command line and the Python client find the stack that runs on this machine: a file that only its owner may read."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

_NAME = "client.json"


@dataclass(frozen=True)
class LocalClient:
    """Address and key of the stack on this machine."""

    api_url: str
    api_key: str


def read_local_client(data_dir: Path) -> LocalClient | None:
    """What the stack of this data folder wrote at its last start, or None if there was none or it can't be read."""
    try:
        found = json.loads((data_dir / _NAME).read_text())
        return LocalClient(api_url=str(found["api_url"]), api_key=str(found["api_key"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_local_client(data_dir: Path, client: LocalClient) -> None:
    """Keep address and key for the clients on this machine. Raises OSError."""
    draft = data_dir / f"{_NAME}.draft"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(client), file)
    draft.replace(data_dir / _NAME)
