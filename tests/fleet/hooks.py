"""An application that is called back: a container in the fleet's network that prints each call it gets."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.fleet.project import FOLDER, Fleet
from tests.support.hooks import Hook

URL = "http://receiver:8080/hook"
_ARRIVES_S = 60
_PRINT_CALLS = """
import http.server, json
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.send_response(204)
        self.end_headers()
        print(json.dumps({"headers": {name.lower(): value for name, value in self.headers.items()}, "body": body}), flush=True)
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
"""


class Receiver:
    """Gives the calls that came in, in their order."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._taken = 0

    def take(self) -> Hook:
        """The next call, as soon as it is there."""
        end = time.monotonic() + _ARRIVES_S
        while len(lines := self._read_lines()) <= self._taken:
            assert time.monotonic() < end, lines
            time.sleep(0.5)
        call = json.loads(lines[self._taken])
        self._taken += 1
        return Hook(call["headers"], call["body"].encode())

    def _read_lines(self) -> list[str]:
        said = self._fleet.compose("logs", "--no-color", "--no-log-prefix", "receiver")
        return [line for line in said.splitlines() if line.startswith("{")]


@contextmanager
def start_receiver(fleet: Fleet) -> Iterator[Receiver]:
    """Run it inside the block, and let the fleet call private addresses meanwhile."""
    overlay = FOLDER / "receiver.json"
    allowed = {"environment": {"EMOSCOPE_CALLBACK_PRIVATE_HOSTS": "true"}}
    receiver: dict[str, Any] = {
        "image": fleet.values["PYTHON_IMAGE"],
        "init": True,
        "command": ["python", "-c", _PRINT_CALLS],
    }
    overlay.write_text(json.dumps({"services": {"api": allowed, "housekeeper": allowed, "receiver": receiver}}))
    fleet.files.append(overlay)
    try:
        fleet.up("--no-deps", "receiver", "api", "housekeeper")
        yield Receiver(fleet)
        fleet.compose("rm", "--force", "--stop", "receiver")
    finally:
        fleet.files.remove(overlay)
    fleet.up("--no-deps", "api", "housekeeper")
