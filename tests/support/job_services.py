"""Dependencies of actions on jobs: a real database and blob folder, and a queue that a test may take down."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID

from db.core.blobs import BlobStore
from db.core.session import Database
from db.core.vocabulary import Detector, Priority
from db.jobs.room import QueueRoom
from db.jobs.services import JobServices


@dataclass
class Outbox:
    """Takes messages while it is up, and keeps them in order. announced: jobs whose changes were announced."""

    is_there: bool = True
    sent: list[UUID] = field(default_factory=list)
    announced: list[UUID] = field(default_factory=list)

    def send(self, job_id: UUID, _priority: Priority) -> bool:
        if self.is_there:
            self.sent.append(job_id)
        return self.is_there


def make_job_services(database: Database, folder: Path, outbox: Outbox, **changed: object) -> JobServices:
    services = JobServices(
        database=database,
        blobs=BlobStore(str(folder)),
        send=outbox.send,
        announce=outbox.announced.append,
        ask_for_fetches=lambda _count: None,
        room=QueueRoom(100),
        idempotency_retention_s=60,
        photo_retention_s=3600,
        max_attempts=3,
        worker_heartbeat_s=5,
        configured_detectors=frozenset({Detector.BLAZEFACE}),
    )
    return replace(services, **changed)  # type: ignore[arg-type]
