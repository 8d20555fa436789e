import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from db.accounts import passwords, sign_in, users
from db.accounts.audit_log import AuditFilter, list_audit_events
from db.accounts.passwords import PasswordsBusy
from db.accounts.sign_in import AccountLocked, SignInRefused, authenticate
from db.accounts.tables import UnknownName, User
from db.accounts.users import InvalidUser, LastAdministrator
from db.core.actors import Actor
from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import Role
from tests.support.waiting import wait_until

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def password_hash() -> str:
    return users.hash_password(PASSWORD)


@pytest.fixture
def ana(database: Database, password_hash: str) -> Iterator[str]:
    with database.write() as session:
        users.create_user(session, "ana", password_hash, Role.REVIEWER, actor="test")
    return "ana"


def try_wrong(database: Database, times: int, name: str = "ana") -> None:
    for _ in range(times):
        with pytest.raises(SignInRefused):
            authenticate(database, name, "wrong")


def test_the_right_password_lets_in_whatever_the_case_of_the_name(database: Database, ana: str) -> None:
    user = authenticate(database, " Ana ", PASSWORD)
    assert (user.name, user.role, user.failed_attempts) == ("ana", Role.REVIEWER, 0)


def test_unknown_name_and_wrong_password_are_told_apart_by_nothing(database: Database, ana: str) -> None:
    with pytest.raises(SignInRefused) as unknown:
        authenticate(database, "nobody", PASSWORD)
    with pytest.raises(SignInRefused) as wrong:
        authenticate(database, ana, "wrong")
    assert str(unknown.value) == str(wrong.value)


def test_an_unknown_name_is_locked_like_a_known_one(database: Database, ana: str) -> None:
    try_wrong(database, sign_in.MOST_FAILED_ATTEMPTS, "Nobody")
    with pytest.raises(AccountLocked) as locked:
        authenticate(database, "nobody ", "wrong")
    assert locked.value.until > utcnow()
    try_wrong(database, 1, "somebody")


@pytest.mark.parametrize("name", ["ana", "nobody"])
def test_wrong_passwords_of_long_ago_are_forgotten(database: Database, ana: str, name: str) -> None:
    try_wrong(database, sign_in.MOST_FAILED_ATTEMPTS - 1, name)
    with database.write() as session:
        for table in (User, UnknownName):
            session.execute(update(table).values(last_tried_at=utcnow() - timedelta(seconds=sign_in.LOCK_S)))
    try_wrong(database, 2, name)


def test_an_unknown_name_is_not_kept_for_ever(database: Database) -> None:
    try_wrong(database, 1, "one")
    with database.write() as session:
        session.execute(update(UnknownName).values(last_tried_at=utcnow() - timedelta(seconds=sign_in.LOCK_S)))
    try_wrong(database, 1, "two")
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(UnknownName)) == 1


@pytest.fixture
def while_hashing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Lets something happen between the look at a person's row and the answer of the password's check."""

    def run(happen: Callable[[], None]) -> None:
        check = sign_in.is_password

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
            users.change_password(session, ana, other, actor="boss")

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
        users.change_password(session, ana, users.hash_password(PASSWORD + "!"), actor="boss")
    with pytest.raises(SignInRefused), database.write() as session:
        sign_in.open_session(session, user, lifetime_s=60)


def test_repeated_failures_lock_the_account_even_for_the_right_password(database: Database, ana: str) -> None:
    try_wrong(database, sign_in.MOST_FAILED_ATTEMPTS)
    with pytest.raises(AccountLocked) as locked:
        authenticate(database, ana, PASSWORD)
    assert locked.value.until > utcnow()
    with database.read() as session:
        assert [event.subject for event in list_audit_events(session, AuditFilter(action="user.lock"))] == ["user:ana"]


def test_a_lock_passes_and_one_more_mistake_does_not_bring_it_back(database: Database, ana: str) -> None:
    try_wrong(database, sign_in.MOST_FAILED_ATTEMPTS)
    with database.write() as session:
        session.execute(update(User).values(locked_until=utcnow()))
    try_wrong(database, 1)
    assert authenticate(database, ana, PASSWORD).locked_until is None


def test_a_right_password_at_the_last_try_starts_the_count_anew(database: Database, ana: str) -> None:
    try_wrong(database, sign_in.MOST_FAILED_ATTEMPTS - 1)
    authenticate(database, ana, PASSWORD)
    try_wrong(database, sign_in.MOST_FAILED_ATTEMPTS - 1)
    authenticate(database, ana, PASSWORD)


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


def test_changing_the_password_signs_out_everywhere(database: Database, ana: str, password_hash: str) -> None:
    with database.write() as session:
        token = sign_in.open_session(session, users.get_user(session, ana), lifetime_s=60)
        users.change_password(session, ana, password_hash, actor="test")
    with database.read() as session:
        assert sign_in.find_signed_in(session, token) is None


def test_an_expired_or_closed_session_is_nobody(database: Database, ana: str) -> None:
    with database.write() as session:
        user = users.get_user(session, ana)
        expired, closed = (sign_in.open_session(session, user, lifetime_s=lifetime_s) for lifetime_s in (-1, 60))
        sign_in.close_session(session, closed)
    with database.read() as session:
        assert [sign_in.find_signed_in(session, token) for token in (expired, closed)] == [None, None]


@pytest.mark.parametrize("name", ["", "with space", "-x", "ž", "a" * 101])
def test_a_strange_name_is_refused(database: Database, password_hash: str, name: str) -> None:
    with pytest.raises(InvalidUser), database.write() as session:
        users.create_user(session, name, password_hash, Role.VIEWER, actor="test")


def test_a_name_can_be_taken_once(database: Database, ana: str, password_hash: str) -> None:
    with pytest.raises(InvalidUser), database.write() as session:
        users.create_user(session, "ANA", password_hash, Role.VIEWER, actor="test")


def test_a_short_password_is_refused() -> None:
    with pytest.raises(InvalidUser):
        users.hash_password("short")


def test_each_change_of_a_user_is_logged_with_who_made_it(database: Database, ana: str, password_hash: str) -> None:
    with database.write() as session:
        users.create_user(session, "boss", password_hash, Role.ADMINISTRATOR, actor="test")
        users.change_role(session, ana, Role.ADMINISTRATOR, actor=Actor.user("boss"))
        users.disable_user(session, ana, actor=Actor.user("boss"))
        users.enable_user(session, ana, actor="boss")
        users.change_password(session, ana, password_hash, actor="boss")
    with database.read() as session:
        events = list_audit_events(session, AuditFilter(subject="user:ana", actor="boss"))
    assert [event.action for event in events] == [
        "user.change_password", "user.enable", "user.disable", "user.change_role",
    ]  # fmt: skip
    assert events[-1].details == {"before": "reviewer", "after": "administrator"}


def test_each_role_may_do_what_those_before_it_may() -> None:
    assert Role.ADMINISTRATOR.covers(Role.REVIEWER)
    assert Role.REVIEWER.covers(Role.REVIEWER)
    assert not Role.VIEWER.covers(Role.REVIEWER)


def test_the_last_administrator_stays_one(database: Database, ana: str, password_hash: str) -> None:
    with database.write() as session:
        for name in ("eva", "max"):
            users.create_user(session, name, password_hash, Role.ADMINISTRATOR, actor="test")
        users.disable_user(session, "max", actor=Actor.command("eva"))
    with pytest.raises(LastAdministrator), database.write() as session:
        users.disable_user(session, "eva", actor=Actor.command("eva"))
    with pytest.raises(LastAdministrator), database.write() as session:
        users.change_role(session, "eva", Role.VIEWER, actor=Actor.command("eva"))
    with database.write() as session:
        users.change_role(session, ana, Role.ADMINISTRATOR, actor=Actor.command("eva"))
        users.disable_user(session, "eva", actor=Actor.command("ana"))
        assert users.get_user(session, "eva").disabled_at is not None


def test_a_flood_of_sign_ins_hashes_few_at_once_and_locks_nobody_out(
    database: Database, ana: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "_LONGEST_WAIT_S", 0.1)
    let_go, counts, lock = threading.Event(), [0, 0], threading.Lock()

    def check_for_long(password_hash: str, password: str) -> bool:
        with lock:
            counts[0] += 1
            counts[1] = max(counts)
        let_go.wait(20)
        with lock:
            counts[0] -= 1
        return False

    def guess(name: str) -> type[Exception]:
        with pytest.raises((SignInRefused, PasswordsBusy)) as refused:
            authenticate(database, name, "wrong")
        return refused.type

    with monkeypatch.context() as slow, ThreadPoolExecutor(12) as pool:
        slow.setattr(sign_in, "is_password", check_for_long)
        guesses = [pool.submit(guess, "ana" if number > 1 else f"nobody{number}") for number in range(12)]
        wait_until(lambda: sum(guess.done() for guess in guesses) == 10 and counts[0] == 2, "ten refused", 20)
        with pytest.raises(PasswordsBusy):
            users.hash_password(PASSWORD)
        let_go.set()
        refused = [guess.result() for guess in guesses]
    assert (refused.count(PasswordsBusy), counts[1]) == (10, 2)
    assert authenticate(database, ana, PASSWORD).name == ana


def test_of_several_who_take_a_name_at_once_one_has_it(database: Database, password_hash: str) -> None:
    ready = threading.Barrier(6)

    def create(number: int) -> bool:
        try:
            with database.write() as session:
                if not database.is_sqlite:  # where one writes at a time
                    ready.wait(20)
                users.create_user(session, "eva", password_hash, Role.VIEWER, actor="test")
        except InvalidUser:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(create, range(6))) == [False] * 5 + [True]
    with database.read() as session:
        assert len(list_audit_events(session, AuditFilter(action="user.create"))) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nobody_shuts_themselves_out_or_changes_their_own_role(
    database: Database, ana: str, password_hash: str
) -> None:
    """An application, or an account of the machine, of the same name is somebody else."""
    with database.write() as session:
        users.create_user(session, "eva", password_hash, Role.ADMINISTRATOR, Actor.system("test"))
    for refused in (
        lambda session: users.disable_user(session, ana, Actor.user(ana)),
        lambda session: users.change_role(session, ana.upper(), Role.VIEWER, Actor.user(ana)),
    ):
        with pytest.raises(users.OwnAccount), database.write() as session:
            refused(session)
    for actor in (Actor.application(ana), Actor.command(ana), Actor.user("eva")):
        with database.write() as session:
            users.change_role(session, ana, Role.REVIEWER, actor)
