"""The audit log: written with the change, listed newest first."""

from contextlib import suppress

import pytest

from db.accounts.audit_log import AuditFilter, list_audit_events, record_audit_event
from db.core.actors import Actor
from db.core.session import Database

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ANA, BEN = Actor.user("ana"), Actor.user("ben")


@pytest.fixture
def written(database: Database) -> Database:
    with database.write() as session:
        record_audit_event(session, ANA, "user.create", "user:eva", role="viewer")
        record_audit_event(session, BEN, "user.create", "user:max")
        record_audit_event(session, ANA, "user.disable", "user:eva")
    return database


def test_each_filter_keeps_what_it_names(written: Database) -> None:
    with written.read() as session:
        for wanted, expected in (
            (AuditFilter(), ["user.disable", "user.create", "user.create"]),
            (AuditFilter(actor="ana"), ["user.disable", "user.create"]),
            (AuditFilter(action="user.create", subject="user:max"), ["user.create"]),
            (AuditFilter(actor="ben", subject="user:eva"), []),
        ):
            assert [event.action for event in list_audit_events(session, wanted)] == expected


def test_a_page_goes_on_after_the_last_of_the_page_before(written: Database) -> None:
    with written.read() as session:
        first = list_audit_events(session, limit=2)
        [last] = list_audit_events(session, limit=2, before=first[-1].id)
    assert [event.subject for event in (*first, last)] == ["user:eva", "user:max", "user:eva"]
    assert (last.actor, last.details) == ("ana", {"role": "viewer"})


def test_a_change_that_fails_is_not_logged(database: Database) -> None:
    with suppress(KeyError), database.write() as session:
        record_audit_event(session, ANA, "user.create", "user:eva")
        raise KeyError
    with database.read() as session:
        assert list_audit_events(session) == []
