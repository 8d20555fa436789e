"""Everything arrives, the same, whatever the kinds of database and store; and what was interrupted goes on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Table, select, text

from db.core.blobs import BlobStore, BlobStoreUnavailable, make_photo_key
from db.moving import transfer as module
from db.moving.errors import CannotMove
from db.moving.rows import encode_row, list_tables, write_rows
from db.moving.transfer import Side, transfer
from tests.unit.db.moving.conftest import PHOTO, be_quiet, fill_every_table, read_digests

MakeSide = Callable[[str], Side]
KINDS = pytest.mark.parametrize(("source", "target"), [("sqlite", "postgresql"), ("postgresql", "sqlite")])


@KINDS
def test_all_rows_and_files_arrive_the_same(make_side: MakeSide, tmp_path: Path, source: str, target: str) -> None:
    from_side, to_side = make_side(source), make_side(target)
    made = fill_every_table(from_side.database, from_side.blobs)
    report = transfer(from_side, to_side, tmp_path / "state", be_quiet)
    assert report.tables == read_digests(from_side) == read_digests(to_side)
    assert {name: count for name, (count, _) in report.tables.items()} == dict.fromkeys(made, 2)
    job = made["jobs"][0]
    assert to_side.blobs.get(make_photo_key(job["id"]), job["photo_sha256"]) == PHOTO
    assert (report.files, report.missing) == (5, []), "a photo, and two versions of two files"
    with from_side.database.engine.connect() as a, to_side.database.engine.connect() as b:
        for table in list_tables():
            key = list(table.primary_key.columns)
            rows = [
                {encode_row(table, dict(row._mapping)) for row in c.execute(select(table).order_by(*key))}
                for c in (a, b)
            ]
            assert rows[0] == rows[1], table.name


def test_an_interrupted_transfer_goes_on(make_side: MakeSide, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = make_side("sqlite"), make_side("postgresql")
    fill_every_table(source.database, source.blobs, rows_each=5)
    monkeypatch.setattr("db.moving.rows.ROWS_A_CHUNK", 2)
    chunks = iter(range(40))

    def write_some(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
        if next(chunks) == 30:
            raise ConnectionError
        write_rows(connection, table, rows)

    monkeypatch.setattr(module, "write_rows", write_some)
    with pytest.raises(ConnectionError):
        transfer(source, target, tmp_path / "state", be_quiet)
    assert read_digests(target) != read_digests(source)
    monkeypatch.setattr(module, "write_rows", write_rows)

    class Unreliable(BlobStore):
        def put(self, key: str, data: bytes) -> None:
            raise BlobStoreUnavailable("away")

    target.blobs.__class__ = Unreliable
    with pytest.raises(BlobStoreUnavailable):
        transfer(source, target, tmp_path / "state", be_quiet)
    target.blobs.__class__ = BlobStore
    transfer(source, target, tmp_path / "state", be_quiet)
    assert read_digests(target) == read_digests(source)


def test_a_target_with_data_of_its_own_is_refused(make_side: MakeSide, tmp_path: Path) -> None:
    source, target = make_side("sqlite"), make_side("sqlite")
    fill_every_table(target.database, target.blobs)
    before = read_digests(target)
    with pytest.raises(CannotMove, match="data of its own"):
        transfer(source, target, tmp_path / "state", be_quiet)
    assert read_digests(target) == before


def test_a_row_that_changed_on_the_way_is_noticed(
    make_side: MakeSide, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = make_side("sqlite"), make_side("sqlite")
    fill_every_table(source.database, source.blobs)

    def disturb(connection: Connection, table: Table) -> None:
        if table.name == "users":
            connection.execute(text("UPDATE users SET name = 'eve'  WHERE id = (SELECT min(id) FROM users)"))

    monkeypatch.setattr(module, "continue_numbering", disturb)
    with pytest.raises(CannotMove, match="rows of users differ"):
        transfer(source, target, tmp_path / "state", be_quiet)


def test_a_damaged_file_is_noticed(make_side: MakeSide, tmp_path: Path) -> None:
    source, target = make_side("sqlite"), make_side("sqlite")
    made = fill_every_table(source.database, source.blobs)
    source.blobs.put(make_photo_key(made["jobs"][0]["id"]), b"another")
    with pytest.raises(CannotMove, match="damaged at the source"):
        transfer(source, target, tmp_path / "state", be_quiet)
