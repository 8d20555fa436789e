import pytest
from sqlalchemy import func, select

from db.accounts.sign_in import authenticate
from db.accounts.sign_in_tries import (
    FIRST_PAUSE_S,
    FORGET_S,
    FREE_ATTEMPTS,
    LONGEST_PAUSE_S,
    AccountLocked,
    compute_pause_s,
)
from db.accounts.tables import SignInTries
from db.core.session import Database
from tests.support.guessing import MANY, PASSWORD, move_tries_back, try_wrong


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
