"""What every task needs of the outside: database, blobs, queue. Opened once a process, after the spawn."""

from functools import lru_cache
from uuid import UUID

import redis
import structlog

from db.core import queues
from db.core.blobs import BlobStore
from db.core.session import Database
from emoscope.settings import Settings, load_settings

log = structlog.get_logger(__name__)


class Services:
    """One process's connections."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.database = Database(settings.effective_database_url)
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


@lru_cache(maxsize=1)
def open_services() -> Services:
    """This process's services, made at first use."""
    from worker.core.messages import send_deliveries  # which loads the settings

    services = Services(load_settings())
    services.database.send_deliveries = send_deliveries
    return services
