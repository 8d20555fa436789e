"""The audit log in words."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from api.accounts.audit_words import describe_action, list_actions, list_particulars
from db.accounts.tables import AuditEvent
from db.webhooks.event_types import EVENT_TYPES

ACTION = re.compile(r"[a-z_]+\.[a-z_]+")
DB = Path(__file__).parents[4] / "db"


def list_recorded() -> Iterator[str]:
    """What looks like an action among the arguments of calls, where the audit log is written."""
    for path in DB.rglob("*.py"):
        source = path.read_text()
        if "record_audit_event" in source and path.name != "audit_log.py":
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.Call):
                    words = (
                        getattr(each, "value", None) for each in [*node.args, *(word.value for word in node.keywords)]
                    )
                    yield from (word for word in words if isinstance(word, str) and ACTION.fullmatch(word))


def test_every_action_that_is_recorded_has_words() -> None:
    recorded = set(list_recorded()) - set(EVENT_TYPES)
    assert {"webhook.create", "key.create", "job.erase"} <= recorded
    assert len(recorded) > 30
    assert recorded - {action for action, _ in list_actions()} == set()


def test_an_unknown_action_is_said_by_its_name() -> None:
    assert describe_action(AuditEvent(action="model.promote")) == "promoted"
    assert describe_action(AuditEvent(action="rocket.lift_off")) == "rocket: lift off"


def test_empty_particulars_are_left_out() -> None:
    details = {"days_kept": 3, "reason": None, "note": "", "events": ["a", "b"]}
    assert list_particulars(details) == [("days kept", "3"), ("events", "a, b")]
