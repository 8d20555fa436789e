"""Messages sent by workers."""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from db.core import queues
from db.core.messages import make_message
from db.core.vocabulary import Priority
from emoscope.settings import Settings
from tests.support.valkey import Valkey
from worker.core import messages
from worker.core.app import make_celery


@pytest.fixture
def queue(valkey: Valkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Valkey]:
    app = make_celery(Settings(_env_file=None, data_dir=tmp_path, redis_url=valkey.redis_url))
    monkeypatch.setattr(messages, "app", app)
    yield valkey
    app.close()


def test_each_message_lies_in_its_queue_under_the_id_of_what_it_is_about(queue: Valkey) -> None:
    job, bulk, run, called = (uuid4() for _ in range(4))
    assert messages.send_job(job, Priority.INTERACTIVE)
    assert messages.send_job(bulk, Priority.BULK)
    assert messages.send_run(run)
    assert messages.send_delivery(called)
    assert messages.send_sweep()
    with queue.client() as client:
        assert messages.list_sent(client) == {str(job), str(bulk), str(run)}
        assert messages.list_sent(client, [queues.CALLBACK_QUEUE]) == {str(called)}
        assert client.llen(queues.HOUSEKEEPING_QUEUE) == 1
        assert client.llen(queues.BULK_QUEUE) == 1


def test_a_queue_that_is_away_takes_none_and_raises_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_celery(Settings(_env_file=None, data_dir=tmp_path, redis_url=f"unix://{tmp_path}/none.sock"))
    monkeypatch.setattr(messages, "app", app)
    assert not messages.send_job(uuid4(), Priority.BULK)
    assert not messages.send_sweep()
    app.close()


def test_ids_are_read_from_messages_of_the_api_and_of_celery_however_they_are_written(queue: Valkey) -> None:
    ids = [uuid4() for _ in range(7)]
    with queue.client() as client:
        for number, subject in enumerate(ids):
            if number % 3 == 0:
                messages.send_job(subject, Priority.INTERACTIVE)
            else:
                text = make_message(queues.ANALYZE, subject, queues.ANALYSIS_QUEUE)
                compact = json.dumps(json.loads(text), separators=(",", ":"))
                client.lpush(queues.ANALYSIS_QUEUE, text if number % 3 == 1 else compact)
        assert messages.list_sent(client, read_at_once=2) == {str(subject) for subject in ids}
        assert messages.count_sent(client) == 7
