"""Copies all rows and files from one installation to another, on any database and store.

Existing rows and files are kept, so an interrupted transfer can be continued. Nothing may write to either side meanwhile. The copy
is compared with the source, row by row and byte by byte.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Table

from db.core.blobs import MODELS, PHOTOS, BlobMissing, BlobStore
from db.core.schema import SchemaAge, read_schema
from db.core.session import Database
from db.moving.errors import CannotMove
from db.moving.files import list_named_files
from db.moving.newness import empty_new_database
from db.moving.rows import (
    allow_long_transaction,
    continue_numbering,
    digest_table,
    find_missing,
    list_tables,
    read_rows,
    take_snapshot,
    write_rows,
)

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Side:
    """A database with its blob store."""

    database: Database
    blobs: BlobStore


@dataclass
class TransferReport:
    """Result of a transfer. tables: rows and digest of each, equal on both sides. missing: referenced photos that the source
    lacks.
    """

    tables: dict[str, tuple[int, str]] = field(default_factory=dict)
    files: int = 0
    file_bytes: int = 0
    missing: list[str] = field(default_factory=list)


def transfer(source: Side, target: Side, state: Path, progress: Progress) -> TransferReport:
    """Copy everything from source to target, and compare.

    state: a file of the source that marks a started transfer to this target; without it, a target with data of its own is refused.
    Raises CannotMove, and errors of databases and stores.
    """
    _check_schemas(source, target)
    _begin(target, state)
    report = TransferReport()
    for table in list_tables():
        _copy_table(source, target, table, report, progress)
    _copy_files(source, target, report, progress)
    state.unlink(missing_ok=True)
    return report


def _check_schemas(source: Side, target: Side) -> None:
    for side, name in ((source, "source"), (target, "target")):
        if read_schema(side.database).age is not SchemaAge.CURRENT:
            raise CannotMove(f"the {name}'s schema is not the one of this release: run `emoscope migrate` on it first")


def _begin(target: Side, state: Path) -> None:
    """Require a new target, or one partly filled by this transfer."""
    address = target.database.engine.url.render_as_string(hide_password=True)
    if state.exists() and json.loads(state.read_text()).get("target") == address:
        return
    with target.database.engine.execution_options(emoscope_writes=True).begin() as connection:
        empty_new_database(connection, {table.name: table for table in list_tables()})
    state.write_text(json.dumps({"target": address}))


def _copy_table(source: Side, target: Side, table: Table, report: TransferReport, progress: Progress) -> None:
    writing = target.database.engine.execution_options(emoscope_writes=True)
    with source.database.engine.connect() as reading:
        take_snapshot(reading)
        for rows in read_rows(reading, table):
            with writing.begin() as connection:
                write_rows(connection, table, find_missing(connection, table, rows))
    with writing.begin() as connection:
        allow_long_transaction(connection)
        continue_numbering(connection, table)
    sent, arrived = (_digest(side, table) for side in (source, target))
    if sent != arrived:
        raise CannotMove(
            f"the rows of {table.name} differ: {sent[0]:,} were sent and {arrived[0]:,} arrived. Is something still running on "
            "either side?"
        )
    report.tables[table.name] = sent
    progress(f"{table.name}: {sent[0]:,} rows, digest {sent[1][:16]}")


def _digest(side: Side, table: Table) -> tuple[int, str]:
    with side.database.engine.connect() as connection:
        take_snapshot(connection)
        found = digest_table(connection, table)
    return found.count, found.hex


def _copy_files(source: Side, target: Side, report: TransferReport, progress: Progress) -> None:
    there = {key: size for prefix in (MODELS, PHOTOS) for key, size in target.blobs.list_sizes(prefix).items()}
    with source.database.engine.connect() as connection:
        for file in list_named_files(connection):
            try:
                data = source.blobs.read(file.key)
            except BlobMissing as error:
                if file.is_needed:
                    raise CannotMove(f"the source lacks {file.key}, a file of a model version") from error
                report.missing.append(file.key)
                continue
            if not file.is_intact(data):
                raise CannotMove(f"{file.key} is damaged at the source: erase its job, or repair the file")
            if there.get(file.key) != len(data):
                target.blobs.put(file.key, data)
            if not file.is_intact(target.blobs.read(file.key)):
                target.blobs.put(file.key, data)
                target.blobs.get(file.key, file.sha256)
            report.files += 1
            report.file_bytes += len(data)
            if report.files % 1000 == 0:
                progress(f"{report.files:,} files")
    progress(f"{report.files:,} files with {report.file_bytes:,} bytes, each read again and compared")
