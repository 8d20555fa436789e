"""What the actions on jobs need beside their own arguments."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from db.core.blobs import BlobStore
from db.core.session import Database
from db.core.vocabulary import Detector, Priority
from db.jobs.room import QueueRoom


@dataclass(frozen=True, slots=True)
class JobServices:
    """The database, the blob store, the way to the workers, and the limits of this service.

    send: tells the workers that a job waits; returns whether the queue took it. The sweeper sends what was lost.
    announce: wakes whoever waits for a change of the job or batch. It doesn't raise.
    ask_for_fetches: tells the housekeepers that so many photos wait to be fetched. It doesn't raise; the sweeper asks again.
    room: how many more jobs may wait. idempotency_retention_s: how long a key is remembered.
    photo_retention_s: longest that a photo is kept after its job ended. max_attempts: of a new job.
    worker_heartbeat_s: seconds between two heartbeats. configured_detectors: those that a job may name while no worker is known.
    request_id, traceparent: of the request that these actions are done for; new jobs carry them.
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
