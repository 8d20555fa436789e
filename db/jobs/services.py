"""Dependencies of the actions on jobs."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from db.core.blobs import BlobStore
from db.core.session import Database
from db.core.vocabulary import Detector, Priority
from db.jobs.room import QueueRoom


@dataclass(frozen=True, slots=True)
class JobServices:
    """Database, blob store, messages to the workers, and limits of this service.

    send: sends a job's message; returns whether the queue took it. The sweeper sends lost messages.
    announce: wakes requests that wait for the job or batch. It doesn't raise.
    ask_for_fetches: tells the housekeepers that this many photos wait to be fetched. It doesn't raise; the sweeper repeats it.
    room: how many more jobs may be queued.
    idempotency_retention_s: how long a key is remembered.
    photo_retention_s: longest time that a photo is kept after its job has ended.
    max_attempts: of a new job.
    worker_heartbeat_s: seconds between two heartbeats.
    configured_detectors: those that a job may use while no worker is known.
    request_id, traceparent: of the current request; stored in new jobs.
    """

    database: Database
    blobs: BlobStore
    send: Callable[[UUID, Priority], bool]
    announce: Callable[[UUID], None]
    ask_for_fetches: Callable[[int], None]
    room: QueueRoom
    idempotency_retention_s: float
    photo_retention_s: float
    max_attempts: int
    worker_heartbeat_s: float
    configured_detectors: frozenset[Detector]
    request_id: str | None = None
    traceparent: str | None = None
