"""Injects each kind of fault, and reverts those that last."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from db.core.vocabulary import JobStatus
from db.tables import Job
from emoscope.stack.status import read_status
from tests.chaos.schedule import Fault
from tests.chaos.world import World
from tests.support.own_processes import list_own_processes

_NOISE = b"not what was stored"


class Faults:
    """Does faults to a world. What could not be done is said, and counts for nothing."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.damaged: set[UUID] = set()
        """Jobs whose photo was overwritten while they waited: they may fail with `blob_damaged`."""
        self._kinds: dict[str, Callable[[Fault], str]] = {
            "queue killed": self._kill_queue,
            "queue emptied": self._empty_queue,
            "disk full": self._fill_disk,
            "photo damaged": self._damage_photo,
            "model damaged": self._damage_model,
            "postgresql killed": self._kill_postgresql,
        }

    def do(self, fault: Fault) -> str:
        """Do it, wait as long as it lasts, undo it. Returns what was done; empty if nothing was."""
        return self._kinds.get(fault.kind, self._kill)(fault)

    def _find_pid(self, name: str) -> int | None:
        found = read_status(self._world.settings.stack_socket) or ()
        return next((program.pid for program in found if program.name == name), None)

    def _kill(self, fault: Fault) -> str:
        name, _, child = fault.kind.partition(" ")
        pid = self._find_pid(name)
        if pid is None:
            return ""
        if child:
            children = list_own_processes(pid)
            if not children:
                return ""
            pid = children[fault.number % len(children)]
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return ""
        return f"process {pid}"

    def _kill_queue(self, fault: Fault) -> str:
        valkey = self._world.valkey
        if valkey is None:
            return self._kill(Fault(fault.at_s, "valkey", fault.lasts_s, fault.number))
        valkey.stop()
        time.sleep(fault.lasts_s)
        valkey.start()
        return f"away for {fault.lasts_s:g} s"

    def _empty_queue(self, fault: Fault) -> str:
        valkey = self._world.valkey
        if valkey is None:  # keeps nothing, so this is the same
            return self._kill(Fault(fault.at_s, "valkey", fault.lasts_s, fault.number))
        valkey.restart_empty()
        return "empty again"

    def _fill_disk(self, fault: Fault) -> str:
        if self._world.disk is None:
            return ""
        self._world.disk.fill()
        time.sleep(fault.lasts_s)
        self._world.disk.make_room()
        return f"full for {fault.lasts_s:g} s"

    def _kill_postgresql(self, fault: Fault) -> str:
        assert self._world.postgresql is not None
        self._world.postgresql.kill()
        time.sleep(fault.lasts_s)
        self._world.postgresql.start()
        return f"away for {fault.lasts_s:g} s"

    def _damage_photo(self, _fault: Fault) -> str:
        """Of the youngest job that waits. A worker may be quicker; the job then succeeds all the same."""
        try:
            with self._world.database.read() as session:
                found = session.execute(
                    select(Job.id, Job.photo_key)
                    .where(Job.status == JobStatus.QUEUED)
                    .order_by(Job.created_at.desc())
                    .limit(1)
                ).first()
        except SQLAlchemyError:
            return ""
        if found is None or found.photo_key is None:
            return ""
        path = Path(self._world.settings.effective_blob_url) / found.photo_key
        self.damaged.add(found.id)
        try:
            path.write_bytes(_NOISE)
        except OSError:
            return ""
        return f"of job {found.id}"

    def _damage_model(self, fault: Fault) -> str:
        """The copies of model files on this machine, and then a worker process is replaced, which has to load one."""
        copies = sorted((self._world.settings.data_dir / "model-cache").glob("*/*"))
        for path in copies:
            path.write_bytes(_NOISE)
        return (
            f"{len(copies)} files, {self._kill(Fault(fault.at_s, 'worker process', 0, fault.number)) or 'no process'}"
        )
