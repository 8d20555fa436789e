"""An installation with a row in every table, and files in its store."""

import hashlib
import io
import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Date,
    Float,
    Integer,
    LargeBinary,
    Table,
    create_engine,
    make_url,
    text,
)
from sqlalchemy.types import Uuid
from uuid_utils.compat import uuid7

from db.core import migrate
from db.core.blobs import BlobStore, S3Options, make_model_key, make_photo_key
from db.core.session import Database
from db.core.types import UtcDateTime, Word
from db.moving.backup import BackupSummary, write_backup
from db.moving.restore import read_backup
from db.moving.rows import digest_table, list_tables, write_rows
from db.moving.transfer import Side
from tests.support.factories.model_versions import make_manifest

MOMENT = datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=UTC)
PHOTO = b"a photo"


def make_value(table: Table, name: str, kind: object, number: int) -> Any:
    """A value of the column's type that is told apart from others: a text beyond ASCII, a float that has no short form."""
    if isinstance(kind, UtcDateTime):
        return MOMENT
    if isinstance(kind, Date):
        return MOMENT.date() + timedelta(days=number)
    if isinstance(kind, Word):
        return next(iter(kind.words))
    if isinstance(kind, Uuid):
        return uuid7()
    if isinstance(kind, LargeBinary):
        return hashlib.sha256(f"{table.name}{name}{number}".encode()).digest()
    if isinstance(kind, Boolean):
        return True
    if isinstance(kind, Float):
        return 0.1 + 0.2
    if isinstance(kind, JSON):
        return {"b": [1, 0.1 + 0.2, None], "a": "Zoë 🙂"}
    if isinstance(kind, BigInteger | Integer):
        return number + 1
    written = f"{name[:3]}{number}ë"
    return written[: getattr(kind, "length", None) or 50]


def fill_every_table(database: Database, blobs: BlobStore, rows_each: int = 2) -> dict[str, list[dict[str, Any]]]:
    """Put rows into every table: all columns filled in the first row, what may be missing left out of the others."""
    made: dict[str, list[dict[str, Any]]] = {}
    with database.engine.execution_options(emoscope_writes=True).begin() as connection:
        for table in list_tables():
            rows = [make_row(table, number, made) for number in range(rows_each)]
            made[table.name] = rows
            write_rows(connection, table, rows)
    for row in made["jobs"]:
        if row["photo_key"]:
            blobs.put(row["photo_key"], PHOTO)
    for row in made["model_versions"]:
        for sha256, data in row["manifest"].pop("bytes", {}).items():
            blobs.put(make_model_key(sha256), data.encode())
    return made


def make_row(table: Table, number: int, made: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for column in table.columns:
        reference = next(iter(column.foreign_keys), None)
        if column.nullable and number:
            row[column.name] = None
        elif reference is None:
            row[column.name] = make_value(table, column.name, column.type, number)
        elif reference.column.table is table:
            row[column.name] = None
        else:
            rows = made[reference.column.table.name]
            row[column.name] = rows[number % len(rows)][reference.column.name]
    if table.name == "jobs":
        row["photo_sha256"] = hashlib.sha256(PHOTO).hexdigest()
        row["photo_key"] = make_photo_key(row["id"]) if number == 0 else None
    if table.name == "model_versions":
        weights = f"weights {number}"
        sha256 = hashlib.sha256(weights.encode()).hexdigest()
        manifest = make_manifest(files={"model.keras": {"sha256": sha256, "bytes": len(weights)}}, note="Zoë")
        row["digest"] = hashlib.sha256(json.dumps(manifest).encode()).hexdigest()
        row["manifest"] = manifest | {"bytes": {sha256: weights, row["digest"]: json.dumps(manifest)}}
    return row


def be_quiet(_step: str) -> None:
    pass


def read_digests(side: Side) -> dict[str, tuple[int, str]]:
    with side.database.engine.connect() as connection:
        found = {table.name: digest_table(connection, table) for table in list_tables()}
    return {name: (digest.count, digest.hex) for name, digest in found.items()}


def save(side: Side, *, photos: bool = True) -> tuple[bytes, BackupSummary]:
    out = io.BytesIO()
    summary = write_backup(side.database, side.blobs, out, be_quiet, photos=photos)
    return out.getvalue(), summary


def restore(side: Side, data: bytes) -> int:
    return read_backup(side.database, side.blobs, io.BytesIO(data), be_quiet).without_photo


@pytest.fixture(scope="session")
def templates(
    tmp_path_factory: pytest.TempPathFactory, make_postgresql_database: Callable[[str], str]
) -> dict[str, str]:
    """Migrated, empty databases by kind, to be copied: migrating each test's own would take most of the time."""
    name = f"template_{uuid7().hex[-12:]}"
    urls = {
        "sqlite": f"sqlite:///{tmp_path_factory.mktemp('template')}/template.db",
        "postgresql": make_postgresql_database(name),
    }
    for url in urls.values():
        database = Database(url)
        migrate.upgrade(database)
        if database.is_sqlite:
            with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
    return urls


def copy_postgresql(template: str, name: str) -> str:
    url = make_url(template)
    server = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {url.database}"))
    server.dispose()
    return url.set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def make_side(tmp_path: Path, templates: dict[str, str], s3_endpoint: str) -> Iterator[Callable[[str], Side]]:
    """Make a migrated, empty installation: `sqlite` with a folder, or `postgresql` with S3."""
    opened: list[Database] = []

    def make(kind: str) -> Side:
        number = len(opened)
        name = f"moving_{UUID(bytes=hashlib.md5(str(tmp_path).encode(), usedforsecurity=False).digest()).hex[:12]}_{number}"
        if kind == "sqlite":
            shutil.copy(make_url(templates["sqlite"]).database or "", tmp_path / f"{name}.db")
            database = Database(f"sqlite:///{tmp_path}/{name}.db")
            blobs = BlobStore(str(tmp_path / f"blobs-{number}"))
        else:
            database = Database(copy_postgresql(templates["postgresql"], name))
            blobs = BlobStore(f"s3://emoscope/{name}", S3Options(s3_endpoint, "us-east-1", "test", "test"))
        opened.append(database)
        return Side(database, blobs)

    yield make
    for database in opened:
        database.close()
