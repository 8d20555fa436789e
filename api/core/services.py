"""External connections of the routes, opened once per process."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import redis
from flask import current_app, g, has_request_context

from api.core.limits import RateLimiter
from api.core.queue import Queue
from api.core.waiting import Waiter
from api.monitoring.job_counts import JobCounts
from api.monitoring.room import Room
from db.accounts.usage import UsageCounter
from db.core.blobs import BlobStore, S3Options
from db.core.session import Database
from db.core.vocabulary import Detector
from db.jobs.room import QueueRoom
from db.jobs.services import JobServices
from emoscope.settings import Settings
from emoscope.tracing import find_current_traceparent

if TYPE_CHECKING:
    from api.test_mode.services import TestMode

_EXTENSION = "emoscope"


@dataclass(frozen=True)
class Services:
    """The connections of one application."""

    settings: Settings
    database: Database
    blobs: BlobStore
    queue: Queue
    waiter: Waiter
    limiter: RateLimiter
    redis: redis.Redis
    """For health checks and queue lengths."""
    room: Room
    test_mode: "TestMode"
    usage: UsageCounter
    queue_room: QueueRoom
    job_counts: JobCounts = field(default_factory=JobCounts)

    @property
    def jobs(self) -> JobServices:
        """The dependencies of actions on jobs."""
        settings = self.settings
        return JobServices(
            database=self.database,
            blobs=self.blobs,
            send=self.queue.try_to_send_job,
            announce=self.waiter.announce,
            ask_for_fetches=self.queue.ask_for_fetches,
            room=self.queue_room,
            idempotency_retention_s=settings.idempotency_retention_s,
            photo_retention_s=settings.photo_retention_s,
            max_attempts=settings.max_attempts,
            worker_heartbeat_s=settings.worker_heartbeat_s,
            configured_detectors=frozenset(
                each for each in Detector if not each.weights_setting or settings.find_weights(each) is not None
            ),
            request_id=g.get("request_id") if has_request_context() else None,
            traceparent=find_current_traceparent(),
        )

    def ask_for_export(self, export_id: UUID) -> None:
        """Send the message that writes an export's file. Call it after the commit."""
        self.queue.try_to_send_export(export_id)

    def install(self, extensions: dict[str, Any]) -> None:
        """Store the services in an application's extensions."""
        extensions[_EXTENSION] = self

    def close(self) -> None:
        """Close all connections and stop the waiting thread."""
        self.usage.close()
        self.test_mode.close()
        self.waiter.close()
        self.queue.close()
        self.limiter.close()
        self.redis.close()
        self.database.close()


def open_services(settings: Settings) -> Services:
    """Open the services that the settings name. Only the blob folder is touched here; the others connect at first use."""
    s3 = S3Options(
        settings.s3_endpoint,
        settings.s3_region,
        settings.s3_access_key_id,
        settings.s3_secret_access_key.get_secret_value(),
    )
    blobs = BlobStore(settings.effective_blob_url, s3)
    database = Database(settings.effective_database_url, pool_size=settings.api_threads)
    queue = Queue(settings.effective_redis_url)
    database.send_deliveries = queue.try_to_send_deliveries
    return Services(
        settings=settings,
        database=database,
        test_mode=_make_test_mode(),
        usage=UsageCounter(database),
        blobs=blobs,
        room=Room(blobs, is_remote=settings.effective_blob_url.startswith("s3://")),
        queue_room=QueueRoom(settings.max_queued_jobs),
        queue=queue,
        waiter=Waiter(settings.effective_redis_url, min(settings.max_waits, settings.max_connections * 3 // 4)),
        limiter=RateLimiter(settings.effective_redis_url, settings.rate_limit),
        redis=redis.Redis.from_url(settings.effective_redis_url, socket_timeout=1, socket_connect_timeout=1),
    )


def _make_test_mode() -> "TestMode":
    from api.test_mode.services import TestMode  # imported late: it imports this module

    return TestMode()


def get_services() -> Services:
    """Return the services of the application that handles this request, or test services for a test key."""
    if "services" in g:
        return cast("Services", g.services)
    return cast("Services", current_app.extensions[_EXTENSION])
