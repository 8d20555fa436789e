# mypy: ignore-errors
import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from db.accounts import api_keys
from db.accounts.audit_log import AuditFilter, list_audit_events
from db.core.actors import Actor
from db.core.session import Database
from db.core.vocabulary import Purpose, Scope

ANA = Actor.user("ana")


def test_a_key_may_submit_and_nothing_else_unless_told_otherwise(database: Database) -> None:
    with database.write() as session:
        key = api_keys.create_key(session, api_keys.ensure_application(session, "a"))
    with database.read() as session:
        found = api_keys.find_key(session, key)
    assert found is not None
    assert found.scopes == [Scope.SUBMIT]


def test_widening_a_key_keeps_what_it_had_and_is_logged_once(database: Database) -> None:
    with database.write() as session:
        key = api_keys.create_key(session, api_keys.ensure_application(session, "a"), [Scope.SUBMIT])
        found = api_keys.find_key(session, key)
        assert found is not None
        for _ in range(2):
            api_keys.widen_key(session, found, [Scope.ADMIN], actor="test")
    with database.read() as session:
        found = api_keys.find_key(session, key)
        assert found is not None
        assert found.scopes == [Scope.SUBMIT, Scope.ADMIN]
        assert len(list_audit_events(session, AuditFilter(action="key.widen"))) == 1


def test_the_log_of_a_key_never_holds_the_key(database: Database) -> None:
    with database.write() as session:
        key = api_keys.create_key(session, api_keys.ensure_application(session, "a"), actor="ana")
        api_keys.revoke_key(session, key[:10], actor="ana")
    with database.read() as session:
        events = list_audit_events(session, AuditFilter(actor="ana"))
    assert [event.action for event in events] == ["key.revoke", "key.create"]
    assert all(key not in f"{event.subject}{event.details}" for event in events)


def test_an_application_that_several_ask_for_at_once_is_made_once(database: Database) -> None:
    ready = threading.Barrier(6)

    def ensure(number: int) -> UUID:
        with database.write() as session:
            if not database.is_sqlite:  # where one writes at a time
                ready.wait(20)
            return api_keys.ensure_application(session, "pages").id

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(ensure, range(6)))) == 1


def test_a_key_is_issued_with_its_application_and_what_that_is_for(database: Database) -> None:
    with database.write() as session:
        key, shop = api_keys.issue_key(session, "shop", [Scope.SUBMIT], ANA, api_keys.KeyTerms(), Purpose.RESEARCH)
        again, same = api_keys.issue_key(session, "shop", [Scope.SUBMIT], ANA, api_keys.KeyTerms())
        assert (shop.id, shop.purpose) == (same.id, Purpose.RESEARCH)
        assert key != again
        with pytest.raises(api_keys.UnknownKey, match="several"):
            api_keys.revoke_key(session, "em", ANA)
        api_keys.revoke_key(session, key[:12], ANA)
        with pytest.raises(api_keys.UnknownKey, match="no valid key"):
            api_keys.revoke_key(session, key[:12], ANA)
