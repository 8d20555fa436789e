"""What every task needs of the outside: database, blobs, queue. Opened once a process, after the spawn."""

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
    """One process's connections."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.database = Database(settings.effective_database_url, *_count_connections())
        self.usage = UsageCounter(self.database)
        self.votes_settled_for: int | None = None
        """The number of votes for a label with which the review queue was last brought in line."""
        self.next_look_at = 0.0
        """When lost messages are looked for again, by the monotonic clock."""
        self.blobs = BlobStore(settings.effective_blob_url, settings.s3_options)
        self.redis: redis.Redis = redis.Redis.from_url(
            settings.effective_redis_url, socket_timeout=5, socket_connect_timeout=2
        )

    def announce(self, job_id: UUID) -> None:
        """Wake those who wait for this job. Call it after the commit. A queue that is down only makes them wait longer."""
        try:
            self.redis.publish(queues.JOB_CHANGED_CHANNEL, str(job_id))
        except redis.RedisError as error:
            log.warning("announcement_lost", job_id=str(job_id), reason=str(error))


def _count_connections() -> tuple[int, int]:
    """Connections that this process keeps, and those that it may have besides for a moment.

    A worker process does one thing at a time; beside it, one thread renews the lease and one says how the process is, for moments.
    The housekeeper has threads, which is why its main process, that starts them, has more.
    """
    is_worker_process = billiard.current_process().name != "MainProcess"
    return (1, 2) if is_worker_process else (4, 12)


@lru_cache(maxsize=1)
def open_services() -> Services:
    """This process's services, made at first use."""
    from worker.core.messages import send_deliveries  # which loads the settings

    services = Services(load_settings())
    services.database.send_deliveries = send_deliveries
    return services
