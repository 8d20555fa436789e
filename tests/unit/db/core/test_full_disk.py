"""Errors that mean a full disk."""

import errno
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from db.core.full_disk import is_disk_full


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_the_system_says_by_number_that_nothing_can_be_written(number: int) -> None:
    assert is_disk_full(OSError(number, "any words"))
    assert is_disk_full(Exception(f"Generic LocalFileSystem error: any words (os error {number})"))


@pytest.mark.parametrize("error", [PermissionError(errno.EACCES, "no"), Exception("(os error 128)"), ValueError("28")])
def test_other_errors_are_no_full_disk(error: Exception) -> None:
    assert not is_disk_full(error)


def test_sqlite_without_room_is_told_from_sqlite_with_another_fault(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/small.db")
    with engine.connect() as connection:
        connection.execute(text("CREATE TABLE rows (content BLOB)"))
        connection.execute(text("PRAGMA max_page_count = 5"))
        with pytest.raises(OperationalError) as full:
            connection.execute(text("INSERT INTO rows VALUES (zeroblob(100000))"))
        with pytest.raises(OperationalError) as other:
            connection.execute(text("INSERT INTO nothing VALUES (1)"))
    engine.dispose()
    assert [is_disk_full(error.value) for error in (full, other)] == [True, False]


@pytest.mark.parametrize(("sqlstate", "is_full"), [("53100", True), ("25006", True), ("40001", False)])
def test_postgresql_says_by_code_that_nothing_can_be_written(sqlstate: str, *, is_full: bool) -> None:
    cause = sqlite3.OperationalError("any words")
    cause.sqlstate = sqlstate  # type: ignore[attr-defined]
    assert is_disk_full(OperationalError("INSERT", {}, cause)) == is_full
