"""Rows of every table mean the same on both databases, and are told apart by their digest."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, inspect, select

from db.jobs.tables import JobEvent
from db.moving.rows import (
    RowsDigest,
    continue_numbering,
    decode_row,
    digest_table,
    encode_row,
    find_missing,
    list_tables,
    read_rows,
    write_rows,
)
from db.moving.transfer import Side, transfer
from tests.unit.db.moving.conftest import be_quiet, fill_every_table

MakeSide = Callable[[str], Side]
TABLES = {table.name: table for table in list_tables()}


@pytest.fixture(params=["sqlite", "postgresql"])
def side(make_side: MakeSide, request: pytest.FixtureRequest) -> Side:
    return make_side(request.param)


@pytest.fixture
def connection(side: Side) -> Iterator[Connection]:
    with side.database.engine.connect() as connection:
        yield connection


def test_every_table_of_the_schema_is_moved(make_side: MakeSide) -> None:
    side = make_side("sqlite")
    there = set(inspect(side.database.engine).get_table_names()) - {"alembic_version", "schema_compatibility"}
    assert {table.name for table in list_tables()} == there


def test_rows_added_afterwards_are_numbered_after_those_that_came(make_side: MakeSide, tmp_path: Path) -> None:
    source, target = make_side("sqlite"), make_side("postgresql")
    made = fill_every_table(source.database, source.blobs)
    transfer(source, target, tmp_path / "state", be_quiet)
    event = {name: value for name, value in made["job_events"][0].items() if name != "id"}
    with target.database.write() as session:
        session.execute(JobEvent.__table__.insert(), [event])  # type: ignore[attr-defined]
    with target.database.read() as session:
        assert session.scalars(select(JobEvent.id).order_by(JobEvent.id)).all() == [1, 2, 3]


def test_those_that_others_refer_to_come_first() -> None:
    names = list(TABLES)
    for table in TABLES.values():
        for key in table.foreign_keys:
            if key.column.table is not table:
                assert names.index(key.column.table.name) < names.index(table.name)


def test_each_row_of_each_table_is_read_back_from_its_line(side: Side) -> None:
    made = fill_every_table(side.database, side.blobs)
    with side.database.engine.connect() as connection:
        for table in list_tables():
            rows = [row for chunk in read_rows(connection, table) for row in chunk]
            assert (
                len(rows)
                == connection.execute(select(func.count()).select_from(table)).scalar_one()
                == len(made[table.name])
            )
            for row in rows:
                line = encode_row(table, row)
                assert "\n" not in line
                read = decode_row(table, line)
                assert encode_row(table, read) == line
                assert {name: type(value) for name, value in read.items()} == {
                    name: type(value) for name, value in row.items()
                }


@pytest.mark.parametrize("side", ["sqlite"], indirect=True)
def test_chunks_hold_each_row_once_in_the_order_of_the_key(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.moving.rows.ROWS_A_CHUNK", 2)
    made = fill_every_table(side.database, side.blobs, rows_each=5)
    with side.database.engine.connect() as connection:
        chunks = list(read_rows(connection, TABLES["jobs"]))
    assert [len(chunk) for chunk in chunks] == [2, 2, 1]
    assert [row["id"] for chunk in chunks for row in chunk] == sorted(row["id"] for row in made["jobs"])


@pytest.mark.parametrize("side", ["sqlite"], indirect=True)
def test_the_digest_is_that_of_the_rows_in_any_order_and_of_each_value(side: Side) -> None:
    table = TABLES["job_events"]
    first, second = fill_every_table(side.database, side.blobs)[table.name]
    with side.database.engine.connect() as connection:
        there = digest_table(connection, table)

    def measure(*rows: dict[str, object]) -> RowsDigest:
        digest = RowsDigest()
        for row in rows:
            digest.add(table, [row])
        return digest

    assert measure(second, first) == there
    assert (there.count, len(there.hex)) == (2, 64)
    assert RowsDigest().hex == "0" * 64
    for other in (measure(first), measure(first, first), measure(first, second, second)):
        assert other.hex != there.hex
    for name in first:
        assert measure(first | {name: None}, second).hex != there.hex


@pytest.mark.parametrize("name", ["jobs", "batch_counts"])
def test_missing_rows_are_those_whose_whole_key_is_not_there(connection: Connection, side: Side, name: str) -> None:
    """Of a key of one column, and of two."""
    table = TABLES[name]
    there = fill_every_table(side.database, side.blobs)[name]
    key = list(table.primary_key.columns)[-1].name
    taken = {row[key] for row in there}
    new = [
        row | {key: type(row[key])(int=5) if name == "jobs" else max(taken) + 1 + place}
        for place, row in enumerate(there)
    ]
    assert find_missing(connection, table, [*there, *new[:1]]) == new[:1]
    assert find_missing(connection, table, there) == []


@pytest.mark.parametrize("side", ["postgresql"], indirect=True)
def test_numbering_of_an_empty_table_begins_at_its_beginning(side: Side) -> None:
    made = fill_every_table(side.database, side.blobs)
    table = TABLES["job_events"]
    with side.database.engine.connect() as connection:
        connection.execute(table.delete())
        continue_numbering(connection, table)
        event = {name: value for name, value in made["job_events"][0].items() if name != "id"}
        assert connection.execute(table.insert().returning(table.c.id), event).scalar_one() == 1
        write_rows(connection, table, [])


def test_a_line_that_is_no_row_is_refused() -> None:
    table = TABLES["faces"]
    row = {column.name: None for column in table.columns}
    for line in ("", "no json", "[]", "null", "7", '"id"'):
        with pytest.raises(ValueError, match=r"\w"):
            decode_row(table, line)
    for name in ("id", "crop", "created_at", "emotion"):
        wrong_values: tuple[object, ...] = (7, "grün", [], {}, True)
        for wrong in wrong_values:
            with pytest.raises(ValueError, match=r"\w"):
                decode_row(table, json.dumps(row | {name: wrong}))
    with pytest.raises(KeyError):
        decode_row(table, json.dumps({name: value for name, value in row.items() if name != "crop"}))
    assert decode_row(table, json.dumps(row)) == row
