"""Sends a job's message to the workers.

The message is a hint; the job row, committed before, is the truth. A message that can't be sent costs a few seconds of
waiting, until the sweeper sends it anew.
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
"""A request must not hang on a dead queue; a living one takes the message in about a millisecond."""


class QueueUnavailable(Exception):
    """The queue doesn't answer."""

    code = "queue_unavailable"


class Queue:
    """The way to the workers. Safe to use from several threads; connects at first use."""

    def __init__(self, redis_url: str) -> None:
        """redis_url: Redis or Valkey, as redis-py reads it."""
        self._redis: redis.Redis = redis.Redis.from_url(
            redis_url,
            socket_timeout=_TIMEOUT_S,
            socket_connect_timeout=_TIMEOUT_S,
            # One more try, at once: a pooled connection may have been cut while it was idle.
            retry=Retry(NoBackoff(), 1, (redis.ConnectionError,)),
        )

    def send_job(self, job_id: UUID, priority: Priority) -> None:
        """Tell the workers that a job waits. Raises QueueUnavailable after about a second; the sweeper will send it then."""
        self._send(queues.ANALYZE, job_id, queues.choose_queue(priority))

    def try_to_send_job(self, job_id: UUID, priority: Priority) -> bool:
        """Send a job's message. Returns whether the queue took it; if it doesn't answer, the sweeper sends it."""
        try:
            self.send_job(job_id, priority)
        except QueueUnavailable as error:
            log.warning("job_not_sent", job_id=str(job_id), reason=str(error))
            return False
        return True

    def ask_for_fetches(self, count: int) -> None:
        """Tell the housekeepers that so many photos wait to be fetched. If the queue doesn't answer, the sweeper tells them."""
        for _ in range(min(count, queues.FETCH_MESSAGES)):
            if not self._try_to_send(queues.FETCH_PHOTOS):
                return

    def try_to_send_export(self, export_id: UUID) -> bool:
        """Send an export's message. Returns whether the queue took it; if it doesn't answer, the sweeper sends it."""
        return self._try_to_send(queues.WRITE_EXPORT, export_id)

    def try_to_send_deliveries(self, delivery_ids: Sequence[UUID]) -> None:
        """Ask for webhook deliveries whose rows are committed. The sweeper asks for what the queue doesn't take."""
        try:
            for delivery_id in delivery_ids[: queues.MOST_SENT_AT_COMMIT]:
                self._send(queues.DELIVER_WEBHOOK, delivery_id, queues.CALLBACK_QUEUE)
        except QueueUnavailable as error:
            log.warning("deliveries_not_sent", reason=str(error))

    def send_run(self, run_id: UUID) -> None:
        """Tell the training worker that a run waits. Raises QueueUnavailable as send_job does."""
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
        """Close the connections. The object stays usable and would connect anew."""
        self._redis.close()
