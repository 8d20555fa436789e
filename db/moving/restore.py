"""Restores a backup into an empty installation, on either database: completely, or not at all.

A job whose photo isn't in the backup is restored as one whose photo was deleted: with results, crops and votes. If it hadn't been
analysed yet, it fails with `blob_missing` when a worker claims it, so that its application is told.
"""

import gzip
import hashlib
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO

from sqlalchemy import Connection, Table, update

from db.core import migrate
from db.core.blobs import PHOTOS, BlobStore
from db.core.schema import list_known_revisions
from db.core.session import Database
from db.jobs.tables import Job
from db.moving.backup import FILES, MANIFEST, ROWS, SUMMARY, BackupManifest, BackupSummary
from db.moving.errors import CannotMove
from db.moving.files import list_named_files
from db.moving.newness import empty_new_database
from db.moving.rows import (
    RowsDigest,
    allow_long_transaction,
    continue_numbering,
    decode_row,
    list_tables,
    write_rows,
)

Progress = Callable[[str], None]

_IDS_A_STATEMENT = 500


@dataclass
class _Restoring:
    """State of the restore."""

    tables: dict[str, Table]
    digests: dict[str, RowsDigest] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    """SHA-256 by key."""
    file_bytes: int = 0
    manifest: BackupManifest | None = None
    summary: BackupSummary | None = None


@dataclass(frozen=True)
class RestoreReport:
    """Result of a restore. without_photo: jobs whose photo isn't in the backup."""

    summary: BackupSummary
    without_photo: int


def read_backup(database: Database, blobs: BlobStore, source: IO[bytes], progress: Progress) -> RestoreReport:
    """Restore a backup from a stream, which needn't be seekable. The database must be a new installation's.

    Rows are committed last: after any error the database is unchanged, and the restore can be repeated. Raises CannotMove, and
    errors of databases and stores.
    """
    migrate.upgrade(database)
    found = _Restoring({table.name: table for table in list_tables()})
    with database.engine.execution_options(emoscope_writes=True).begin() as connection:
        allow_long_transaction(connection)
        empty_new_database(connection, found.tables)
        try:
            with tarfile.open(fileobj=source, mode="r|") as tar:
                for entry in tar:
                    content = tar.extractfile(entry)
                    if content is not None:
                        _take(connection, blobs, found, entry.name, content.read())
        except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error, ValueError, KeyError) as error:
            raise CannotMove(f"this is not an Emoscope backup, or it is damaged: {error}") from error
        summary = _check(found)
        for name, table in found.tables.items():
            continue_numbering(connection, table)
            progress(f"{name}: {summary.tables[name].rows:,} rows, as they were")
        without_photo = _let_go_of_photos(connection, found)
        progress(f"{summary.files:,} files with {summary.file_bytes:,} bytes, each compared with its digest")
    return RestoreReport(summary, without_photo)


def _take(connection: Connection, blobs: BlobStore, found: _Restoring, name: str, data: bytes) -> None:
    if name == MANIFEST:
        found.manifest = BackupManifest.model_validate_json(data)
        newest = list_known_revisions()[0]
        if found.manifest.revision != newest:
            raise CannotMove(
                f"the backup's schema is {found.manifest.revision} and this release's is {newest}: restore it with the release "
                "that made it, then migrate"
            )
    elif found.manifest is None:
        raise CannotMove(f"this is not an Emoscope backup: it begins with {name}")
    elif name.startswith(ROWS):
        table = found.tables[name.split("/")[1]]
        rows = [decode_row(table, line) for line in gzip.decompress(data).decode().splitlines()]
        found.digests.setdefault(table.name, RowsDigest()).add(table, rows)
        write_rows(connection, table, rows)
    elif name.startswith(FILES):
        key = name.removeprefix(FILES)
        found.files[key] = hashlib.sha256(data).hexdigest()
        found.file_bytes += len(data)
        blobs.put(key, data)
    elif name == SUMMARY:
        found.summary = BackupSummary.model_validate_json(data)


def _check(found: _Restoring) -> BackupSummary:
    """Compare the data with the backup's summary."""
    summary = found.summary
    if summary is None:
        raise CannotMove("the backup is incomplete: its last entry is missing")
    if set(summary.tables) != set(found.tables):
        raise CannotMove("the backup has other tables than this release")
    for name, expected in summary.tables.items():
        digest = found.digests.get(name, RowsDigest())
        if (digest.count, digest.hex) != (expected.rows, expected.sha256):
            raise CannotMove(f"the backup is damaged: the rows of {name} differ from those that were saved")
    if (len(found.files), found.file_bytes) != (summary.files, summary.file_bytes):
        raise CannotMove("the backup is damaged: files are missing")
    return summary


def _let_go_of_photos(connection: Connection, found: _Restoring) -> int:
    """Mark the photos that aren't in the backup as deleted. Returns how many. Raises CannotMove for a damaged file."""
    lost = []
    for file in list_named_files(connection):
        digest = found.files.get(file.key)
        if digest is None and not file.key.startswith(f"{PHOTOS}/"):
            raise CannotMove(f"the backup lacks {file.key}, a file of a model version")
        if digest is None:
            lost.append(file.key)
        elif digest != file.sha256:
            raise CannotMove(f"the backup is damaged: {file.key} differs from what was saved")
    for start in range(0, len(lost), _IDS_A_STATEMENT):
        chunk = lost[start : start + _IDS_A_STATEMENT]
        connection.execute(update(Job).where(Job.photo_key.in_(chunk)).values(photo_key=None))
    return len(lost)
