"""Messages to the workers, on a real Valkey, and without one."""

import json
import socket
from collections.abc import Iterator
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest

from api.core.queue import Queue, QueueUnavailable
from db.core import queues
from db.core.vocabulary import Priority
from emoscope.settings import Settings

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def queue(settings: Settings) -> Iterator[Queue]:
    made = Queue(settings.effective_redis_url)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("priority", "name"),
    [(Priority.INTERACTIVE, queues.ANALYSIS_QUEUE), (Priority.BULK, queues.BULK_QUEUE)],
)
def test_a_message_names_its_task_and_carries_the_jobs_id(
    queue: Queue, valkey: Any, priority: Priority, name: str
) -> None:
    job_id = uuid4()
    queue.send_job(job_id, priority)
    [message] = valkey.client().lrange(name, 0, -1)
    headers = json.loads(message)["headers"]
    assert (headers["task"], headers["id"]) == (queues.ANALYZE, str(job_id))
    assert str(job_id) in headers["argsrepr"]


def test_a_queue_that_came_back_is_used_again(queue: Queue, valkey: Any) -> None:
    queue.send_job(uuid4(), Priority.BULK)
    try:
        valkey.stop()
        with pytest.raises(QueueUnavailable):
            queue.send_job(uuid4(), Priority.BULK)
    finally:
        valkey.restart_empty()
    queue.send_job(uuid4(), Priority.BULK)
    assert valkey.client().llen(queues.BULK_QUEUE) == 1


def test_a_queue_that_hangs_costs_a_second_or_so(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        queue = Queue(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        started = monotonic()
        with pytest.raises(QueueUnavailable):
            queue.send_job(uuid4(), Priority.INTERACTIVE)
        assert monotonic() - started < 4
        queue.close()
