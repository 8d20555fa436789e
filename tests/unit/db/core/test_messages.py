"""Our messages compared with Celery's, in a real Valkey."""

import json
from base64 import b64decode
from typing import Any
from uuid import uuid4

from celery import Celery

from db.core import queues
from db.core.messages import make_message

_OF_THE_SENDER = {"origin", "reply_to", "delivery_tag"}
"""What differs from one sending process, or message, to the next. Nobody replies to our messages."""


def _read(raw: bytes | str) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(raw)
    message["body"] = json.loads(b64decode(message["body"]))
    for part in ("headers", "properties"):
        message[part] = {name: value for name, value in message[part].items() if name not in _OF_THE_SENDER}
    return message


def test_a_message_is_what_celery_would_send(valkey: Any) -> None:
    job_id = uuid4()
    celery = Celery(broker=valkey.redis_url.replace("unix://", "redis+socket://"), set_as_current=False)
    celery.send_task(
        queues.ANALYZE, args=[str(job_id)], task_id=str(job_id), queue=queues.BULK_QUEUE, ignore_result=True
    )
    [sent] = valkey.client().lrange(queues.BULK_QUEUE, 0, -1)
    celery.close()
    assert _read(make_message(queues.ANALYZE, job_id, queues.BULK_QUEUE)) == _read(sent)


def test_a_message_may_have_any_number_of_arguments() -> None:
    ids = [uuid4(), uuid4()]
    for given in (ids, []):
        message = _read(make_message("task", uuid4(), "queue", given))
        assert message["body"][0] == [str(each) for each in given]
