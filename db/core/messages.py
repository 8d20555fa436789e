"""Builds the messages to the workers in the format of Celery and kombu.

Celery's own `send_task` takes a fifth of a submission's time: it looks up routes, declares queues and builds objects for options
that we don't use. The message is the same; a test compares the two. Standard library only, because the API imports this.
"""

import json
import os
import socket
from base64 import b64encode
from collections.abc import Sequence
from uuid import UUID, uuid4

_EMBEDDED = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
_FIXED_HEADERS: dict[str, object] = {
    "lang": "py",
    "shadow": None,
    "eta": None,
    "expires": None,
    "group": None,
    "group_index": None,
    "retries": 0,
    "timelimit": [None, None],
    "parent_id": None,
    "kwargsrepr": "{}",
    "ignore_result": True,
    "replaced_task_nesting": 0,
    "stamped_headers": None,
    "stamps": {},
}
_ORIGIN = f"gen{os.getpid()}@{socket.gethostname()}"


def make_message(task: str, subject_id: UUID, queue: str, ids: Sequence[UUID] | None = None) -> str:
    """Build the message of a task; push it to the left of the list that is named like the queue.

    subject_id: of the job or run; used as the message's own id, so that a worker's parent process knows what a lost child was
    working on. ids: arguments of the task; by default only the subject. The format is Celery's protocol 2 as kombu's Redis
    transport encodes it.
    """
    subject = str(subject_id)
    arguments = [subject] if ids is None else [str(each) for each in ids]
    body = json.dumps([arguments, {}, _EMBEDDED]).encode()
    message = {
        "body": b64encode(body).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": _FIXED_HEADERS
        | {"task": task, "id": subject, "root_id": subject, "argsrepr": repr(arguments), "origin": _ORIGIN},
        "properties": {
            "correlation_id": subject,
            "reply_to": "",
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": queue},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": str(uuid4()),
        },
    }
    return json.dumps(message)
