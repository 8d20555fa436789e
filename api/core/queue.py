"""Sends messages to the workers.

A message is a hint; the job's row, committed before, is the truth. If a message can't be sent, the job waits a few seconds until
the sweeper sends it again.
"""

from collections.abc import Sequence
from uuid import UUID, uuid4

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

from db.core import queues
from db.core.messages import make_message
from db.core.vocabulary import Priority

log = structlog.get_logger(__name__)

_TIMEOUT_S = 1.0
"""Short, so that a request doesn't hang on a dead queue; a live one takes a message in about a millisecond."""


class QueueUnavailable(Exception):
    """The queue doesn't answer."""

    code = "queue_unavailable"


class Queue:
    """The connection to the workers' queue. Thread-safe; connects at first use."""

    def __init__(self, redis_url: str) -> None:
        """redis_url: URL of Redis or Valkey, as redis-py takes it."""
        self._redis: redis.Redis = redis.Redis.from_url(
            redis_url,
            socket_timeout=_TIMEOUT_S,
            socket_connect_timeout=_TIMEOUT_S,
            # Retry once, at once: an idle pooled connection may have been closed.
            retry=Retry(NoBackoff(), 1, (redis.ConnectionError,)),
        )

    def send_job(self, job_id: UUID, priority: Priority) -> None:
        """Send a job's message. Raises QueueUnavailable after about a second; then the sweeper sends it."""
        self._send(queues.ANALYZE, job_id, queues.choose_queue(priority))

    def try_to_send_job(self, job_id: UUID, priority: Priority) -> bool:
        """Send a job's message. Returns whether the queue took it; if not, the sweeper sends it."""
        try:
            self.send_job(job_id, priority)
        except QueueUnavailable as error:
            log.warning("job_not_sent", job_id=str(job_id), reason=str(error))
            return False
        return True

    def ask_for_fetches(self, count: int) -> None:
        """Tell the housekeepers that `count` photos wait to be fetched. If the queue is down, the sweeper tells them."""
        for _ in range(min(count, queues.FETCH_MESSAGES)):
            if not self._try_to_send(queues.FETCH_PHOTOS):
                return

    def try_to_send_export(self, export_id: UUID) -> bool:
        """Send an export's message. Returns whether the queue took it; if not, the sweeper sends it."""
        return self._try_to_send(queues.WRITE_EXPORT, export_id)

    def try_to_send_deliveries(self, delivery_ids: Sequence[UUID]) -> None:
        """Send messages for committed webhook deliveries. The sweeper sends those that the queue didn't take."""
        try:
            for delivery_id in delivery_ids[: queues.MOST_SENT_AT_COMMIT]:
                self._send(queues.DELIVER_WEBHOOK, delivery_id, queues.CALLBACK_QUEUE)
        except QueueUnavailable as error:
            log.warning("deliveries_not_sent", reason=str(error))

    def send_run(self, run_id: UUID) -> None:
        """Send a run's message to the training worker. Raises QueueUnavailable as send_job does."""
        self._send(queues.RETRAIN, run_id, queues.TRAINING_QUEUE)

    def _send(self, task: str, subject_id: UUID, queue: str) -> None:
        try:
            self._redis.lpush(queue, make_message(task, subject_id, queue))
        except (redis.RedisError, OSError) as error:
            raise QueueUnavailable(f"the queue doesn't answer: {error}") from error

    def _try_to_send(self, task: str, *ids: UUID) -> bool:
        try:
            message = make_message(task, uuid4(), queues.HOUSEKEEPING_QUEUE, ids)
            self._redis.lpush(queues.HOUSEKEEPING_QUEUE, message)
        except (redis.RedisError, OSError) as error:
            log.warning("message_not_sent", task=task, reason=str(error))
            return False
        return True

    def close(self) -> None:
        """Close the connections. The object stays usable and reconnects at the next call."""
        self._redis.close()
