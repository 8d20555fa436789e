"""Messages sent by workers. If the queue is down no work is lost: the sweeper finds it in the database."""

import json
import re
from collections.abc import Iterable, Sequence
from typing import cast
from uuid import UUID

import redis
import structlog
from kombu.exceptions import OperationalError

from db.core import queues as names
from db.core.vocabulary import Priority
from worker.core.app import app

log = structlog.get_logger(__name__)

_READ_AT_ONCE = 1000
_ID = re.compile(rb'"headers": \{.*?"id": "([0-9a-f-]{36})"')
_WORK_QUEUES = (names.ANALYSIS_QUEUE, names.BULK_QUEUE, names.TRAINING_QUEUE)


def send_job(job_id: UUID, priority: Priority) -> bool:
    """Send a job's message. Returns whether the queue took it. The message's id is the job's."""
    return _send(names.ANALYZE, job_id, queue=names.choose_queue(priority), task_id=str(job_id))


def send_delivery(delivery_id: UUID) -> bool:
    """Send a webhook delivery's message. Returns whether the queue took it. The message's id is the delivery's."""
    return _send(names.DELIVER_WEBHOOK, delivery_id, queue=names.CALLBACK_QUEUE, task_id=str(delivery_id))


def send_deliveries(delivery_ids: Sequence[UUID]) -> None:
    """Send messages for deliveries that were just committed. The sweeper sends the remaining ones."""
    for delivery_id in delivery_ids[: names.MOST_SENT_AT_COMMIT]:
        if not send_delivery(delivery_id):
            break


def send_sweep() -> bool:
    """Send the message of a sweep. Returns whether the queue took it."""
    return _send(names.SWEEP, queue=names.HOUSEKEEPING_QUEUE)


def send_run(run_id: UUID) -> bool:
    """Send a training run's message. Returns whether the queue took it. The message's id is the run's."""
    return _send(names.RETRAIN, run_id, queue=names.TRAINING_QUEUE, task_id=str(run_id))


def send_fetch() -> bool:
    """Send a message to fetch due photos. Returns whether the queue took it."""
    return _send(names.FETCH_PHOTOS, queue=names.HOUSEKEEPING_QUEUE)


def send_export(export_id: UUID) -> bool:
    """Send an export's message. Returns whether the queue took it."""
    return _send(names.WRITE_EXPORT, export_id, queue=names.HOUSEKEEPING_QUEUE)


def _send(task: str, *ids: UUID, **options: str) -> bool:
    try:
        app.send_task(task, args=[str(each) for each in ids], retry=False, **options)
    except (OperationalError, redis.RedisError) as error:
        log.warning("message_not_sent", task=task, ids=[str(each) for each in ids], reason=str(error))
        return False
    return True


def list_sent(
    client: redis.Redis, queues: Iterable[str] = _WORK_QUEUES, *, read_at_once: int = _READ_AT_ONCE
) -> set[str]:
    """Return the ids of all jobs and training runs that have a message in the queues.

    Messages that a worker prefetched but hasn't started aren't in the queue: their jobs are sent again, and claimed once.
    queues: by default those of jobs and training runs; in the queue of callbacks an id is a delivery's.
    Raises redis.RedisError. Reads `read_at_once` at a time, because Redis serves nobody else meanwhile. Messages are added on the
    left and taken from the right, so none is missed.
    """
    found: set[str] = set()
    for queue in queues:
        start = 0
        while batch := client.lrange(queue, start, start + read_at_once - 1):
            found.update(map(_read_id, cast("list[bytes]", batch)))
            start += len(batch)
    return found


def count_sent(client: redis.Redis) -> int:
    """Return the number of job messages in the queues. Raises redis.RedisError."""
    return sum(int(client.llen(queue)) for queue in (names.ANALYSIS_QUEUE, names.BULK_QUEUE))


def _read_id(message: bytes) -> str:
    """Return the task's id by a text search; parsing a whole message takes ten times as long, and is the fallback for other
    formats.
    """
    found = _ID.search(message)
    return found[1].decode() if found else str(json.loads(message)["headers"]["id"])
