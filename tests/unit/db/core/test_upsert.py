"""Concurrent inserts of the same row."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import select

from db.accounts.tables import SignInTries
from db.core.session import Database
from db.core.upsert import insert_if_new


def add(database: Database, attempts: int) -> bool:
    with database.write() as session:
        return insert_if_new(session, SignInTries, name_hash=b"n" * 32, address="::1", failed_attempts=attempts)


def test_the_first_of_two_rows_stays(database: Database) -> None:
    assert add(database, 3)
    assert not add(database, 5)
    with database.read() as session:
        assert session.scalars(select(SignInTries.failed_attempts)).all() == [3]


def test_of_many_at_once_one_is_stored_and_none_fails(database: Database) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda number: add(database, number), range(4))) == 1
