"""Transactions and the configuration of connections."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from db.accounts.tables import UnknownName
from db.core.session import Database, switch_to_wal
from db.core.types import utcnow


def count_names(database: Database) -> int:
    with database.read() as session:
        return session.query(UnknownName).count()


def test_a_block_that_raises_writes_nothing(database: Database) -> None:
    with pytest.raises(KeyError), database.write() as session:  # noqa: PT012
        session.add(UnknownName(name_hash=b"1" * 32, last_tried_at=utcnow()))
        session.flush()
        raise KeyError
    assert count_names(database) == 0
    with database.write() as session:
        session.add(UnknownName(name_hash=b"1" * 32, last_tried_at=utcnow()))
    assert count_names(database) == 1


def test_what_was_read_is_usable_after_the_transaction(database: Database) -> None:
    with database.write() as session:
        session.add(UnknownName(name_hash=b"1" * 32, failed_attempts=4))
    with database.read() as session:
        found = session.query(UnknownName).one()
    assert found.failed_attempts == 4


def test_a_row_that_names_no_other_is_refused(database: Database) -> None:
    with pytest.raises(IntegrityError), database.write() as session:
        session.execute(
            text(
                "INSERT INTO api_keys (id, application_id, prefix, key_hash, created_at) VALUES (:id, :id, '', '', :now)"
            ),
            {"id": "0" * 32, "now": utcnow()},
        )


def test_a_new_file_is_its_users_alone(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/new.db")
    with database.write() as session:
        session.execute(text("CREATE TABLE t (a)"))
        files = sorted(tmp_path.iterdir())
        assert len(files) == 3, "the log and its index lie beside the file"
        assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    database.close()


def test_a_writer_reads_what_no_other_writer_can_change_meanwhile(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/new.db")
    with database.write() as first:
        assert first.connection().connection.dbapi_connection.in_transaction  # type: ignore[union-attr]
        with database.engine.connect() as second:
            second.exec_driver_sql("PRAGMA busy_timeout = 0")
            with pytest.raises(Exception, match="database is locked"):
                second.execution_options(emoscope_writes=True).exec_driver_sql("BEGIN IMMEDIATE")
    database.close()


def test_a_damaged_file_is_told_from_a_sound_one(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/new.db")
    with database.write() as session:
        session.execute(text("CREATE TABLE t (a)"))
        session.execute(text("CREATE INDEX i ON t (a)"))
        numbers = "WITH RECURSIVE n(x) AS (SELECT 1 UNION SELECT x + 1 FROM n WHERE x < 2000)"
        session.execute(text(f"{numbers} INSERT INTO t SELECT x FROM n"))
    assert database.find_damage() is None
    with database.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    path = tmp_path / "new.db"
    content = bytearray(path.read_bytes())
    content[3 * 4096 : 3 * 4096 + 512] = bytes(512)
    path.write_bytes(content)
    assert database.find_damage() is not None
    database.close()


def test_a_file_that_another_opens_now_is_waited_for_until_it_can_be_changed(tmp_path: Path) -> None:
    file = tmp_path / "new.db"
    waits: list[float] = []
    with closing(sqlite3.connect(file)) as other, closing(sqlite3.connect(file)) as mine:
        other.execute("BEGIN IMMEDIATE")

        def wait(seconds: float) -> None:
            waits.append(seconds)
            other.rollback()

        switch_to_wal(mine.cursor(), sleep=wait)
        assert len(waits) == 1
        assert mine.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_fault_that_is_no_lock_is_raised_at_once(tmp_path: Path) -> None:
    file = tmp_path / "none.db"
    file.write_bytes(b"this is no database" * 100)
    with closing(sqlite3.connect(file)) as mine, pytest.raises(sqlite3.DatabaseError):
        switch_to_wal(mine.cursor(), sleep=lambda _seconds: pytest.fail("it waited"))
