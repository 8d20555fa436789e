"""The database of test keys: separate from the real one, and the same for every process."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import inspect, select

from db.accounts import api_keys
from db.accounts.tables import Application
from db.core import test_database as module
from db.core.base import Base
from db.core.session import Database
from db.core.test_database import open_test_database


def list_names(database: Database) -> list[str]:
    with database.read() as session:
        return sorted(session.scalars(select(Application.name)))


def add_name(database: Database, name: str) -> None:
    with database.write() as session:
        api_keys.ensure_application(session, name)


@pytest.fixture(autouse=True)
def schema_of_this_test(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Its own in PostgreSQL, whose server outlives the test."""
    monkeypatch.setattr(module, "_SCHEMA", f"emoscope_test_{abs(hash(request.node.name)) % 10**9}")


def test_it_has_every_table_and_shares_no_row_with_the_real_one(database: Database, tmp_path: Path) -> None:
    add_name(database, "real")
    test = open_test_database(database, tmp_path / "made" / "here")
    assert list_names(test) == []
    add_name(test, "tested")
    assert (list_names(database), list_names(test)) == (["real"], ["tested"])
    schema = test.engine.get_execution_options().get("schema_translate_map", {}).get(None)
    assert set(inspect(test.engine).get_table_names(schema=schema)) >= set(Base.metadata.tables)
    again = open_test_database(database, tmp_path / "made" / "here")
    assert list_names(again) == ["tested"]
    test.close()
    again.close()


def test_processes_that_open_it_at_once_make_it_once(database: Database, tmp_path: Path) -> None:
    together = Barrier(3)

    def open_it(name: str) -> Database:
        together.wait(timeout=30)
        opened = open_test_database(database, tmp_path)
        add_name(opened, name)
        return opened

    with ThreadPoolExecutor(3) as pool:
        opened = list(pool.map(open_it, ("a", "b", "c")))
    assert [list_names(each) for each in opened] == [["a", "b", "c"]] * 3
    for each in opened:
        each.close()


def test_a_release_with_another_schema_begins_anew(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = open_test_database(database, tmp_path)
    add_name(old, "old")
    monkeypatch.setattr(module, "list_known_revisions", lambda: ["9999"])
    new = open_test_database(database, tmp_path)
    assert (list_names(old), list_names(new)) == (["old"], [])
    old.close()
    new.close()
