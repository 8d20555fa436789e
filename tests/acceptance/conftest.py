"""The whole service with real processes, on one machine and as a fleet."""

import contextlib
import gc
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from db.core.blobs import BlobStore
from db.core.session import Database
from emoscope.settings import Settings
from emoscope.stack.embedded import Stack
from emoscope_client import Client
from tests.support.scheduling import SHARES_SERVICE
from tests.support.valkey import Valkey

QUICK = {
    "sweep_interval_s": 1,
    "resend_after_s": 1,
    "lease_s": 4,
    "worker_heartbeat_s": 1,
    "callback_private_hosts": True,
    "retrain_niceness": 0,
}
"""Short times, so that tests needn't wait for what takes seconds in service."""


class Service:
    """A running stack with a client, and a look behind the scenes."""

    def __init__(self, stack: Stack) -> None:
        assert stack.client is not None
        self.settings = stack.settings
        self.url = stack.client.api_url
        self.api_key = stack.client.api_key
        self.client = Client(stack.client.api_url, stack.client.api_key)
        self.database = Database(stack.settings.effective_database_url)
        self.blobs = BlobStore(stack.settings.effective_blob_url, stack.settings.s3_options)

    def close(self) -> None:
        self.client.close()
        self.database.close()


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def list_processes(data_dir: Path) -> dict[int, psutil.Process]:
    """The processes of the stack of a data folder, by number: its programs, their children, Valkey, and `emoscope up` itself."""
    found = {}
    for process in psutil.process_iter():
        try:
            named = [process.environ().get("EMOSCOPE_DATA_DIR", ""), process.cwd(), *process.cmdline()]
        except psutil.Error:
            continue
        if any(word.startswith(str(data_dir)) for word in named):
            found[process.pid] = process
    return found


@pytest.fixture(scope="session")
def fleet_valkey(short_tmp: Path) -> Iterator[Valkey]:
    """The fleet's own queue, not the one that other tests empty."""
    valkey = Valkey(short_tmp / "fleet-valkey")
    valkey.start()
    yield valkey
    valkey.stop()


_stop_service = contextlib.ExitStack()
"""What ends the running forms of the service, and looks for errors in their logs."""


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """Stop the service after the last file that uses it, as its processes take time from other tests even when idle."""
    if nextitem and nextitem.path.name not in SHARES_SERVICE:
        _stop_service.close()


@pytest.fixture(scope="session")
def start_service(
    short_tmp: Path, make_postgresql_database: Callable[[str], str], fleet_valkey: Valkey, s3_endpoint: str
) -> Iterator[Callable[[str], Service]]:
    """Start a form of the service at its first use, and keep it for the other tests that use it: starting takes seconds."""
    running: dict[str, Service] = {}

    def start(form: str) -> Service:
        if form not in running:
            given: dict[str, object] = {"data_dir": short_tmp / f"service-{form}", "port": find_free_port()} | QUICK
            if form == "fleet":
                given |= {
                    "database_url": make_postgresql_database("fleet"),
                    "redis_url": fleet_valkey.redis_url,
                    "blob_url": "s3://emoscope/blobs",
                    "s3_endpoint": s3_endpoint,
                    "s3_access_key_id": "test",
                    "s3_secret_access_key": "test",
                }
            settings = Settings(_env_file=None, **given)  # type: ignore[arg-type]
            _stop_service.callback(_check_logs, settings.data_dir / "logs")
            running[form] = Service(_stop_service.enter_context(Stack(settings, lambda _step: None)))
            _stop_service.callback(lambda: running.pop(form).close())
        return running[form]

    yield start
    _stop_service.close()


def _check_logs(folder: Path) -> None:
    for path in folder.iterdir():
        log = path.read_text()
        assert "Traceback" not in log, f"{path.name}: {log[-3000:]}"


@pytest.fixture(params=["one-machine", "fleet"])
def service(request: pytest.FixtureRequest, start_service: Callable[[str], Service]) -> Service:
    """The service, running; each test that asks for it runs once in each form.

    one-machine: SQLite, embedded Valkey, a folder. fleet: PostgreSQL, a Valkey of its own, S3.
    """
    return start_service(request.param)


@pytest.fixture
def late_sockets() -> Iterator[None]:
    """Connections whose other end was killed are closed when they are collected: here, not in a test that comes later."""
    yield
    gc.collect()
