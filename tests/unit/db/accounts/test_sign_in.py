from collections.abc import Callable

import pytest

from db.accounts import sign_in, users
from db.accounts.audit_log import AuditFilter, list_audit_events
from db.accounts.passwords import is_password
from db.accounts.sign_in import SignInRefused, authenticate
from db.accounts.sign_in_tries import (
    FIRST_PAUSE_S,
    AccountLocked,
)
from db.core.actors import Actor
from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import Role
from tests.support.guessing import HERE, MANY, PASSWORD, THERE, move_tries_back, try_wrong


def test_the_right_password_lets_in_whatever_the_case_of_the_name(database: Database, ana: str) -> None:
    user = authenticate(database, " Ana ", PASSWORD)
    assert (user.name, user.role) == ("ana", Role.REVIEWER)


def test_unknown_name_and_wrong_password_are_told_apart_by_nothing(database: Database, ana: str) -> None:
    with pytest.raises(SignInRefused) as unknown:
        authenticate(database, "nobody", PASSWORD)
    with pytest.raises(SignInRefused) as wrong:
        authenticate(database, ana, "wrong")
    assert str(unknown.value) == str(wrong.value)


def test_an_unknown_name_is_locked_like_a_known_one(database: Database, ana: str) -> None:
    try_wrong(database, MANY, "Nobody")
    with pytest.raises(AccountLocked) as locked:
        authenticate(database, "nobody ", "wrong", HERE)
    assert locked.value.until > utcnow()
    try_wrong(database, 1, "somebody")


def test_wrong_passwords_from_elsewhere_lock_nobody_out(database: Database, ana: str) -> None:
    try_wrong(database, MANY, address=THERE)
    with pytest.raises(AccountLocked):
        authenticate(database, ana, PASSWORD, THERE)
    assert authenticate(database, ana, PASSWORD, HERE).name == ana
    with pytest.raises(AccountLocked):  # the right password from elsewhere changes nothing for the one who guesses
        authenticate(database, ana, PASSWORD, THERE)


@pytest.fixture
def while_hashing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Lets something happen between the look at a person's row and the answer of the password's check."""

    def run(happen: Callable[[], None]) -> None:
        check = is_password

        def check_slowly(password_hash: str, password: str) -> bool:
            is_right = check(password_hash, password)
            happen()
            return is_right

        monkeypatch.setattr(sign_in, "is_password", check_slowly)

    return run


def test_a_password_that_is_changed_meanwhile_lets_nobody_in(
    database: Database, ana: str, while_hashing: Callable[[Callable[[], None]], None]
) -> None:
    other = users.hash_password(PASSWORD + "!")

    def reset() -> None:
        with database.write() as session:
            users.change_password(session, ana, other, actor=Actor.user("boss"))

    while_hashing(reset)
    with pytest.raises(SignInRefused):
        authenticate(database, ana, PASSWORD)
    with database.read() as session:
        assert users.get_user(session, ana).password_hash == other


def test_a_person_who_is_disabled_meanwhile_is_not_let_in(
    database: Database, ana: str, while_hashing: Callable[[Callable[[], None]], None]
) -> None:
    def disable() -> None:
        with database.write() as session:
            users.disable_user(session, ana, actor=Actor.user("boss"))

    while_hashing(disable)
    with pytest.raises(SignInRefused):
        authenticate(database, ana, PASSWORD)


def test_no_session_begins_with_a_password_that_was_changed_since(database: Database, ana: str) -> None:
    user = authenticate(database, ana, PASSWORD)
    with database.write() as session:
        users.change_password(session, ana, users.hash_password(PASSWORD + "!"), actor=Actor.user("boss"))
    with pytest.raises(SignInRefused), database.write() as session:
        sign_in.open_session(session, user, lifetime_s=60)


def test_repeated_failures_lock_the_account_even_for_the_right_password(database: Database, ana: str) -> None:
    try_wrong(database, MANY)
    with pytest.raises(AccountLocked) as locked:
        authenticate(database, ana, PASSWORD, HERE)
    assert locked.value.until > utcnow()
    with database.read() as session:
        [event] = list_audit_events(session, AuditFilter(action="user.lock"))
        assert (event.subject, event.details["address"]) == ("user:ana", HERE)
        assert users.get_user(session, ana).locked_until == locked.value.until


def test_a_lock_passes_and_the_next_one_lasts_longer(database: Database, ana: str) -> None:
    try_wrong(database, MANY)
    move_tries_back(database, FIRST_PAUSE_S)
    try_wrong(database, 1)
    move_tries_back(database, FIRST_PAUSE_S)
    with pytest.raises(AccountLocked):
        authenticate(database, ana, PASSWORD, HERE)
    move_tries_back(database, FIRST_PAUSE_S)
    assert authenticate(database, ana, PASSWORD, HERE).name == ana
    try_wrong(database, MANY)  # counted anew


def test_a_right_password_at_the_last_try_starts_the_count_anew(database: Database, ana: str) -> None:
    try_wrong(database, MANY - 1)
    authenticate(database, ana, PASSWORD, HERE)
    try_wrong(database, MANY - 1)
    authenticate(database, ana, PASSWORD, HERE)


def test_disabling_a_user_ends_the_sessions_at_once(database: Database, ana: str) -> None:
    with database.write() as session:
        token = sign_in.open_session(session, users.get_user(session, ana), lifetime_s=60)
    with database.read() as session:
        found = sign_in.find_signed_in(session, token)
        assert found is not None
        assert found.name == ana
    with database.write() as session:
        users.disable_user(session, ana, actor=Actor.command("test"))
    with database.read() as session:
        assert sign_in.find_signed_in(session, token) is None
    with pytest.raises(SignInRefused):
        authenticate(database, ana, PASSWORD)


def test_an_expired_or_closed_session_is_nobody(database: Database, ana: str) -> None:
    with database.write() as session:
        user = users.get_user(session, ana)
        expired, closed = (sign_in.open_session(session, user, lifetime_s=lifetime_s) for lifetime_s in (-1, 60))
        sign_in.close_session(session, closed)
    with database.read() as session:
        assert [sign_in.find_signed_in(session, token) for token in (expired, closed)] == [None, None]
