"""A person's own sessions and own password."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from db.accounts import passwords, sign_in, users
from db.accounts.audit_log import AuditFilter, list_audit_events
from db.accounts.passwords import PasswordsBusy, is_password
from db.accounts.sessions import UnknownSession, end_session, end_sessions, list_sessions, make_id
from db.accounts.sign_in import SignInRefused, authenticate, change_own_password
from db.accounts.sign_in_tries import FREE_ATTEMPTS, AccountLocked
from db.accounts.tables import SignInTries
from db.accounts.users import InvalidUser
from db.core.actors import Actor
from db.core.session import Database
from db.core.vocabulary import Role
from tests.support.factories.actors import TEST

PASSWORD = "correct horse battery"
NEW = "battery staple correct"


@pytest.fixture(scope="module")
def password_hash() -> str:
    return users.hash_password(PASSWORD)


@pytest.fixture
def enter(database: Database, password_hash: str) -> Callable[..., str]:
    """Begins a session of a person, who is made where there is none, and gives its token."""

    def begin(name: str = "ana", lifetime_s: float = 60) -> str:
        with database.write() as session:
            user = users.find_user(session, name)
            user = user or users.create_user(session, name, password_hash, Role.VIEWER, actor=TEST)
            return sign_in.open_session(session, user, lifetime_s)

    return begin


def list_ids(database: Database, name: str = "ana") -> list[str]:
    with database.read() as session:
        return [found.id for found in list_sessions(session, users.get_user(session, name).id)]


def test_the_sessions_that_last_are_listed_newest_first(database: Database, enter: Callable[..., str]) -> None:
    first, _, second, _ = enter(), enter(lifetime_s=-1), enter(), enter("ben")
    assert list_ids(database) == [make_id(second), make_id(first)]


def test_one_session_is_ended_and_only_ones_own(database: Database, enter: Callable[..., str]) -> None:
    ended, kept, expired, other = enter(), enter(), enter(lifetime_s=-1), enter("ben")
    with database.write() as session:
        ana = users.get_user(session, "ana")
        end_session(session, ana.id, make_id(ended))
    for session_id in (make_id(ended), make_id(expired), make_id(other), kept, "", "xyz"):
        with pytest.raises(UnknownSession), database.write() as session:
            end_session(session, ana.id, session_id)
    assert list_ids(database) == [make_id(kept)]
    assert list_ids(database, "ben") == [make_id(other)]


def test_all_sessions_but_one_are_ended_and_only_ones_own(database: Database, enter: Callable[..., str]) -> None:
    kept, _, _, other = enter(), enter(), enter(), enter("ben")
    with database.write() as session:
        end_sessions(session, users.get_user(session, "ana").id, kept_id=make_id(kept))
    assert list_ids(database) == [make_id(kept)]
    assert list_ids(database, "ben") == [make_id(other)]


def test_another_password_of_ones_own_keeps_the_session_that_set_it_and_is_logged(
    database: Database, enter: Callable[..., str]
) -> None:
    kept, _, other = enter(), enter(), enter("ben")
    change_own_password(database, "ana", PASSWORD, NEW, make_id(kept))
    assert list_ids(database) == [make_id(kept)]
    assert list_ids(database, "ben") == [make_id(other)]
    assert authenticate(database, "ana", NEW).name == "ana"
    with pytest.raises(SignInRefused):
        authenticate(database, "ana", PASSWORD)
    with database.read() as session:
        [change] = list_audit_events(session, AuditFilter(action="user.change_password"))
    assert (change.actor, change.subject, change.details) == ("ana", "user:ana", {})


def test_the_present_password_is_guessed_at_as_in_a_sign_in(database: Database, enter: Callable[..., str]) -> None:
    session_ids = [make_id(enter()), make_id(enter())]
    with pytest.raises(SignInRefused):
        authenticate(database, "ana", "wrong")
    for _ in range(FREE_ATTEMPTS):
        with pytest.raises(SignInRefused):
            change_own_password(database, "ana", "wrong", NEW, session_ids[0])
    with pytest.raises(AccountLocked):
        change_own_password(database, "ana", PASSWORD, NEW, session_ids[0])
    with pytest.raises(AccountLocked):
        authenticate(database, "ana", PASSWORD)
    assert list_ids(database) == session_ids[::-1]
    with database.read() as session:
        assert list_audit_events(session, AuditFilter(action="user.change_password")) == []


def test_the_right_present_password_at_the_last_try_starts_the_count_anew(
    database: Database, enter: Callable[..., str]
) -> None:
    session_id = make_id(enter())
    for _ in range(FREE_ATTEMPTS):
        with pytest.raises(SignInRefused):
            authenticate(database, "ana", "wrong")
    change_own_password(database, "ana", PASSWORD, NEW, session_id)
    for _ in range(FREE_ATTEMPTS):
        with pytest.raises(SignInRefused):
            authenticate(database, "ana", "wrong")
    assert authenticate(database, "ana", NEW).name == "ana"


def test_neither_a_password_that_can_not_be_nor_a_full_house_counts_as_a_guess(
    database: Database, enter: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = make_id(enter())
    monkeypatch.setattr(passwords, "_LONGEST_WAIT_S", 0.0)
    for new in ("short", "x" * 1001):
        with pytest.raises(InvalidUser):
            change_own_password(database, "ana", "wrong", new, session_id)
    with passwords.take_slot("a"), passwords.take_slot("b"), pytest.raises(PasswordsBusy):
        change_own_password(database, "ana", PASSWORD, NEW, session_id)
    with database.read() as session:
        assert session.scalars(select(SignInTries)).all() == []
    with passwords.take_slot("a"):  # both hashings find room in one place
        change_own_password(database, "ana", PASSWORD, NEW, session_id)


def test_a_reset_meanwhile_counts_and_not_the_persons_own_change(
    database: Database, enter: Callable[..., str], password_hash: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id, check = make_id(enter()), is_password
    other_hash = users.hash_password(PASSWORD + "!")

    def check_while_reset(stored: str, password: str) -> bool:
        with database.write() as session:
            users.change_password(session, "ana", other_hash, actor=Actor.user("boss"))
        return check(stored, password)

    monkeypatch.setattr(sign_in, "is_password", check_while_reset)
    with pytest.raises(SignInRefused):
        change_own_password(database, "ana", PASSWORD, NEW, session_id)
    with database.read() as session:
        assert users.get_user(session, "ana").password_hash == other_hash
    assert list_ids(database) == []
