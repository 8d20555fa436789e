"""An API that answers what a test tells it to, over real connections."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

from db.core.vocabulary import Emotion


class ScriptedApi:
    """A real HTTP server that gives the answers it was told, in order, and remembers what it was asked.

    An answer of None closes the connection without one.
    """

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str], Any] | None] = []
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                api.requests.append((f"{self.command} {self.path}", dict(self.headers), body))
                answer = api.answers.pop(0)
                if answer is None:
                    self.close_connection = True
                    return
                status, headers, content = answer
                raw = json.dumps(content).encode()
                self.send_response(status)
                for name, value in (headers | {"Content-Length": str(len(raw))}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(raw)

            do_POST = do_DELETE = do_GET

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def make_job(status: str, faces: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "status": status,
        "created_at": "2026-03-01T12:00:00Z",
        "photo": {"width": 4, "height": 3, "filename": "a.jpg"},
        "faces": faces or [],
        "error": None,
    }


def make_face() -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "bounding_box": {"x": 1, "y": 2, "width": 3, "height": 4},
        "detector": "hog",
        "detection_score": 0.9,
        "emotion": "happy",
        "confidence": 0.7,
        "margin": 0.4,
        "uncertain": False,
        "probabilities": dict.fromkeys(Emotion, 0.05) | {"happy": 0.7},
        "model_version": 3,
        "crop_url": "/",
    }
