import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from db.accounts import passwords, sign_in, users
from db.accounts.audit_log import AuditFilter, list_audit_events
from db.accounts.passwords import PasswordsBusy
from db.accounts.sign_in import SignInRefused, authenticate
from db.accounts.sign_in_tries import (
    FIRST_PAUSE_S,
    FORGET_S,
    FREE_ATTEMPTS,
    LONGEST_PAUSE_S,
    AccountLocked,
    compute_pause_s,
)
from db.accounts.tables import SignInTries
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


MANY = FREE_ATTEMPTS + 1
HERE, THERE = "203.0.113.1", "203.0.113.2"


def try_wrong(database: Database, times: int, name: str = "ana", address: str = HERE) -> None:
    for _ in range(times):
        with pytest.raises(SignInRefused):
            authenticate(database, name, "wrong", address)


def move_tries_back(database: Database, seconds: float) -> None:
    with database.write() as session:
        for tries in session.scalars(select(SignInTries)):
            assert tries.last_tried_at is not None
            tries.last_tried_at -= timedelta(seconds=seconds)
            if tries.locked_until is not None:
                tries.locked_until -= timedelta(seconds=seconds)


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


@pytest.mark.parametrize("name", ["ana", "nobody"])
def test_wrong_passwords_of_long_ago_are_forgotten(database: Database, ana: str, name: str) -> None:
    try_wrong(database, MANY - 1, name)
    move_tries_back(database, FORGET_S)
    try_wrong(database, 2, name)


def test_tries_are_not_kept_for_ever(database: Database) -> None:
    try_wrong(database, 1, "one")
    move_tries_back(database, FORGET_S)
    try_wrong(database, 1, "two")
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(SignInTries)) == 1


def test_wrong_passwords_from_elsewhere_lock_nobody_out(database: Database, ana: str) -> None:
    try_wrong(database, MANY, address=THERE)
    with pytest.raises(AccountLocked):
        authenticate(database, ana, PASSWORD, THERE)
    assert authenticate(database, ana, PASSWORD, HERE).name == ana
    with pytest.raises(AccountLocked):  # the right password from elsewhere changes nothing for the one who guesses
        authenticate(database, ana, PASSWORD, THERE)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::1", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:203.0.113.1", "203.0.113.1", True),
    ],
)
def test_what_counts_as_one_address(database: Database, ana: str, one: str, other: str, *, is_same: bool) -> None:
    try_wrong(database, MANY, address=one)
    if is_same:
        with pytest.raises(AccountLocked):
            authenticate(database, ana, PASSWORD, other)
    else:
        assert authenticate(database, ana, PASSWORD, other).name == ana


def test_pauses_double_up_to_the_longest() -> None:
    pauses = [compute_pause_s(attempts) for attempts in range(FREE_ATTEMPTS + 1)]
    assert pauses == [0] * (FREE_ATTEMPTS + 1)
    assert [compute_pause_s(MANY + more) for more in range(6)] == [
        FIRST_PAUSE_S, 60, 120, 240, 480, LONGEST_PAUSE_S,
    ]  # fmt: skip
    assert compute_pause_s(10**9) == LONGEST_PAUSE_S


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


@pytest.mark.parametrize("lift", ["enable", "new password"])
def test_an_administrator_lifts_a_lock(database: Database, ana: str, password_hash: str, lift: str) -> None:
    try_wrong(database, MANY)
    with database.write() as session:
        if lift == "enable":
            users.enable_user(session, ana, actor="boss")
        else:
            users.change_password(session, ana, password_hash, actor="boss")
    assert authenticate(database, ana, PASSWORD, HERE).locked_until is None


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


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_flood_from_one_address_leaves_others_a_place(
    database: Database, ana: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go, is_held = threading.Event(), threading.Event()
    check = sign_in.is_password

    def hold_up(password_hash: str, password: str) -> bool:
        if password == PASSWORD:
            return check(password_hash, password)
        is_held.set()
        let_go.wait(20)
        return False

    def guess(_: int) -> type[Exception]:
        with pytest.raises((SignInRefused, PasswordsBusy)) as refused:
            authenticate(database, "nobody", "wrong", THERE)
        return refused.type

    with monkeypatch.context() as slow, ThreadPoolExecutor(12) as pool:
        slow.setattr(sign_in, "is_password", hold_up)
        guesses = [pool.submit(guess, number) for number in range(12)]
        assert is_held.wait(20)
        assert authenticate(database, ana, PASSWORD, HERE).name == ana
        wait_until(lambda: sum(guess.done() for guess in guesses) == 10, "ten refused at once", 20)
        let_go.set()
        assert sorted(guess.result().__name__ for guess in guesses) == ["PasswordsBusy"] * 10 + ["SignInRefused"] * 2


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

    def guess(name: str, address: str) -> type[Exception]:
        with pytest.raises((SignInRefused, PasswordsBusy)) as refused:
            authenticate(database, name, "wrong", address)
        return refused.type

    with monkeypatch.context() as slow, ThreadPoolExecutor(12) as pool:
        slow.setattr(sign_in, "is_password", check_for_long)
        guesses = [
            pool.submit(guess, "ana" if number > 1 else f"nobody{number}", f"203.0.113.{number}")
            for number in range(12)
        ]
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
