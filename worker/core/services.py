"""External connections of tasks: database, blobs, queue. Opened once per process, after the spawn."""

from functools import lru_cache
from uuid import UUID

import billiard
import redis
import structlog

from db.accounts.usage import UsageCounter
from db.core import queues
from db.core.blobs import BlobStore
from db.core.session import Database
from emoscope.settings import Settings, load_settings

log = structlog.get_logger(__name__)


class Services:
    """The connections of one process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.database = Database(settings.effective_database_url, *_count_connections())
        self.usage = UsageCounter(self.database)
        self.votes_settled_for: int | None = None
        """Required votes per label for which the review queue was last updated."""
        self.next_look_at = 0.0
        """Monotonic time at which lost messages are searched next."""
        self.blobs = BlobStore(settings.effective_blob_url, settings.s3_options)
        self.redis: redis.Redis = redis.Redis.from_url(
            settings.effective_redis_url, socket_timeout=5, socket_connect_timeout=2
        )

    def announce(self, job_id: UUID) -> None:
        """Wake the requests that wait for this job. Call it after the commit. If the queue is down they only wait longer."""
        try:
            self.redis.publish(queues.JOB_CHANGED_CHANNEL, str(job_id))
        except redis.RedisError as error:
            log.warning("announcement_lost", job_id=str(job_id), reason=str(error))


def _count_connections() -> tuple[int, int]:
    """Return the number of pooled database connections, and of additional ones.

    A worker process does one thing at a time; in addition, one thread renews the lease and one sends heartbeats. The
    housekeeper's main process runs threads, so it has more.
    """
    is_worker_process = billiard.current_process().name != "MainProcess"
    return (1, 2) if is_worker_process else (4, 12)


@lru_cache(maxsize=1)
def open_services() -> Services:
    """Return this process's services, opened at first use."""
    from worker.core.messages import send_deliveries  # imported late: it loads the settings

    services = Services(load_settings())
    services.database.send_deliveries = send_deliveries
    return services
