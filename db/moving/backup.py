"""Backups: all rows of one moment and all files that they refer to, in one tar file, restorable on either database.

The service may run meanwhile. The rows are one snapshot of the database, and the files are read after it. A file is stored before
the row that refers to it and never changes, so it can only be missing if the service has deleted it since, for example because its
retention time ended. Later additions belong to the next backup.

    manifest.json              format, schema revision, time: BackupManifest
    rows/TABLE/000001.jsonl.gz the rows, one chunk per file, referenced tables first
    files/KEY                  photos and model files
    summary.json               rows and digest of each table, number and bytes of files, missing photos: BackupSummary
"""

import gzip
import io
import tarfile
import time
from collections.abc import Callable
from datetime import datetime
from typing import IO, Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection

from db.core.blobs import BlobMissing, BlobStore
from db.core.schema import SchemaAge, list_known_revisions, read_schema
from db.core.session import Database
from db.core.types import utcnow
from db.moving.errors import CannotMove
from db.moving.files import list_named_files
from db.moving.rows import RowsDigest, encode_row, list_tables, read_rows, take_snapshot

Progress = Callable[[str], None]

MANIFEST, SUMMARY = "manifest.json", "summary.json"
ROWS, FILES = "rows/", "files/"


class BackupManifest(BaseModel):
    """The first entry of a backup. revision: of the schema. with_photos: whether photos are included."""

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    revision: str
    created_at: datetime
    with_photos: bool


class TableSummary(BaseModel):
    """Contents of one table in a backup. sha256: of all rows, independent of their order."""

    model_config = ConfigDict(frozen=True)

    rows: int
    sha256: str


class BackupSummary(BaseModel):
    """The last entry of a backup; without it the backup is incomplete. missing: referenced photos that had been deleted."""

    tables: dict[str, TableSummary]
    files: int = 0
    file_bytes: int = 0
    missing: list[str] = []


def write_backup(
    database: Database, blobs: BlobStore, out: IO[bytes], progress: Progress, *, photos: bool = True
) -> BackupSummary:
    """Write a backup as a stream; `out` needn't be seekable. Raises CannotMove, and errors of databases and stores."""
    if read_schema(database).age is not SchemaAge.CURRENT:
        raise CannotMove(
            "the schema is not the one of this release: take the backup with the installed release, or migrate first"
        )
    with tarfile.open(fileobj=out, mode="w|") as tar, database.engine.connect() as connection:
        take_snapshot(connection)
        manifest = BackupManifest(revision=list_known_revisions()[0], created_at=utcnow(), with_photos=photos)
        _add(tar, MANIFEST, manifest.model_dump_json(indent=1).encode())
        summary = BackupSummary(tables=_add_rows(tar, connection, progress))
        _add_files(tar, connection, blobs, summary, photos=photos)
        progress(f"{summary.files:,} files with {summary.file_bytes:,} bytes")
        _add(tar, SUMMARY, summary.model_dump_json(indent=1).encode())
    return summary


def _add_rows(tar: tarfile.TarFile, connection: Connection, progress: Progress) -> dict[str, TableSummary]:
    found: dict[str, TableSummary] = {}
    for table in list_tables():
        digest = RowsDigest()
        for number, rows in enumerate(read_rows(connection, table), start=1):
            digest.add(table, rows)
            lines = "".join(f"{encode_row(table, row)}\n" for row in rows)
            _add(tar, f"{ROWS}{table.name}/{number:06}.jsonl.gz", gzip.compress(lines.encode(), 6))
        found[table.name] = TableSummary(rows=digest.count, sha256=digest.hex)
        progress(f"{table.name}: {digest.count:,} rows")
    return found


def _add_files(
    tar: tarfile.TarFile, connection: Connection, blobs: BlobStore, summary: BackupSummary, *, photos: bool
) -> None:
    for file in list_named_files(connection, photos=photos):
        try:
            data = blobs.read(file.key)
        except BlobMissing as error:
            if file.is_needed:
                raise CannotMove(f"the store lacks {file.key}, a file of a model version") from error
            summary.missing.append(file.key)
            continue
        if not file.is_intact(data):
            raise CannotMove(f"{file.key} is damaged in the store: erase its job, or repair the file")
        _add(tar, FILES + file.key, data)
        summary.files += 1
        summary.file_bytes += len(data)


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = len(data), 0o600, int(time.time())
    tar.addfile(entry, io.BytesIO(data))
