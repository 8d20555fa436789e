import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from db.accounts import passwords, sign_in, users
from db.accounts.passwords import PasswordsBusy, is_password
from db.accounts.sign_in import SignInRefused, authenticate
from db.accounts.users import InvalidUser
from db.core.session import Database
from tests.support.guessing import HERE, PASSWORD, THERE
from tests.support.waiting import wait_until


def test_a_short_password_is_refused() -> None:
    with pytest.raises(InvalidUser):
        users.hash_password("short")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_flood_from_one_address_leaves_others_a_place(
    database: Database, ana: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go, is_held = threading.Event(), threading.Event()
    check = is_password

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
