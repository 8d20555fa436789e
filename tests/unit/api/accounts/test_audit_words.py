"""The audit log in words."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from apiflask import APIFlask

from api.accounts.audit_words import describe_action, link_subject, list_actions, list_particulars
from db.accounts.tables import AuditEvent
from db.webhooks.event_types import EVENT_TYPES
from tests.support.databases import only_sqlite

ACTION = re.compile(r"[a-z_]+\.[a-z_]+")
ID = "0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d"
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


@only_sqlite
@pytest.mark.parametrize(
    ("subject", "action", "page"),
    [
        ("model_version:3", "model.promote", "/models/3"),
        (f"training_run:{ID}", "training_run.create", f"/training/{ID}"),
        ("training_run:all", "training_run.create", None),
        (f"webhook:{ID}", "webhook.create", f"/webhooks/{ID}"),
        (f"webhook:{ID}", "webhook.delete", None),
        (f"job:{ID}", "job.cancel", f"/jobs/{ID}"),
        (f"job:{ID}", "job.erase", None),
        ("job:1", "job.cancel", None),
        ("user:ben", "user.create", "/access"),
        ("stack:1", "stack.start", None),
    ],
)
def test_a_subject_links_to_its_page_while_it_has_one(
    app: APIFlask, subject: str, action: str, page: str | None
) -> None:
    with app.test_request_context():
        assert link_subject(AuditEvent(subject=subject, action=action)) == page
