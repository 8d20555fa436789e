import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest

from db.accounts import api_keys
from db.accounts.api_keys import KeyTerms, show_start
from db.accounts.audit_log import AuditFilter, list_audit_events
from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import Purpose, Scope
from tests.support.factories.actors import ANA, TEST


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
            api_keys.widen_key(session, found, [Scope.ADMIN], actor=TEST)
    with database.read() as session:
        found = api_keys.find_key(session, key)
        assert found is not None
        assert found.scopes == [Scope.SUBMIT, Scope.ADMIN]
        assert len(list_audit_events(session, AuditFilter(action="key.widen"))) == 1


def test_the_log_of_a_key_never_holds_the_key(database: Database) -> None:
    with database.write() as session:
        key = api_keys.create_key(session, api_keys.ensure_application(session, "a"), actor=ANA)
        api_keys.revoke_key(session, key[:10], actor=ANA)
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


@pytest.mark.parametrize(("old_s", "kept_s"), [(None, 60), (600, 60), (5, 5)])
def test_a_rotated_key_expires_after_the_overlap_or_earlier_if_it_would(
    database: Database, old_s: float | None, kept_s: float
) -> None:
    now = utcnow()
    expires_at = None if old_s is None else now + timedelta(seconds=old_s)
    with database.write() as session:
        terms = KeyTerms(expires_at=expires_at)
        old = api_keys.create_key(session, api_keys.ensure_application(session, "a"), terms=terms)
        new = api_keys.rotate_key(session, show_start(old), 60, ANA)
    with database.read() as session:
        found = {name: api_keys.find_key(session, key) for name, key in (("old", old), ("new", new))}
    assert found["old"] is not None
    assert found["old"].expires_at is not None
    assert (found["old"].expires_at - now).total_seconds() == pytest.approx(kept_s, abs=3)
    assert found["new"] is not None
    assert found["new"].expires_at == expires_at


def test_a_test_key_submits_and_does_nothing_else(database: Database) -> None:
    with database.write() as session:
        application = api_keys.ensure_application(session, "a")
        assert api_keys.create_key(session, application, [Scope.SUBMIT, Scope.REVIEW])
        assert api_keys.create_key(session, application, is_test=True)
        with pytest.raises(api_keys.TestKeyScope):
            api_keys.create_key(session, application, [Scope.SUBMIT, Scope.REVIEW], is_test=True)
