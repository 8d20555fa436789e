"""Reads, counts, digests and writes rows of any table on either database, in a fixed order.

The tables come from the metadata, so a new table needs no change here. Keys, times, bytes and JSON documents mean the same on
SQLite and PostgreSQL.
"""

import base64
import hashlib
import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, REAL, Connection, Date, LargeBinary, MetaData, Table, func, insert, select, text, tuple_
from sqlalchemy.types import Uuid

from db.core.tables import SchemaCompatibility
from db.core.types import UtcDateTime, Word
from db.tables import Base

ROWS_A_CHUNK = 1000
_OF_THE_SCHEMA = {SchemaCompatibility.__tablename__}
_DIGEST_MODULUS = 2**256

Row = Mapping[str, Any]


def list_tables() -> list[Table]:
    """List every table, referenced ones first.

    Excludes the table about the schema, which migrations fill. Columns are copied, except that documents with None are written as
    SQL NULL, never as JSON null.
    """
    copies = MetaData()
    tables = [table.to_metadata(copies) for table in Base.metadata.sorted_tables if table.name not in _OF_THE_SCHEMA]
    for table in tables:
        for column in table.columns:
            if isinstance(column.type, JSON) and column.nullable:
                column.type = JSON(none_as_null=True)
    return tables


def read_rows(connection: Connection, table: Table) -> Iterator[list[Row]]:
    """Read all rows by primary key, in chunks.

    A row comes after the rows of the same table that it refers to, because keys sort by time.
    """
    query = select(table).order_by(*table.primary_key.columns)
    result = connection.execution_options(yield_per=ROWS_A_CHUNK).execute(query)
    for chunk in result.mappings().partitions():
        yield [dict(row) for row in chunk]


def find_missing(connection: Connection, table: Table, rows: Sequence[Row]) -> list[Row]:
    """Return the rows whose primary key isn't in the table."""
    keys = list(table.primary_key.columns)
    wanted = [tuple(row[key.name] for key in keys) for row in rows]
    condition = keys[0].in_([key[0] for key in wanted]) if len(keys) == 1 else tuple_(*keys).in_(wanted)
    found = {tuple(row) for row in connection.execute(select(*keys).where(condition))}
    return [row for row, key in zip(rows, wanted, strict=True) if key not in found]


def write_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows. Raises IntegrityError if one exists."""
    if rows:
        connection.execute(insert(table), list(rows))


def continue_numbering(connection: Connection, table: Table) -> None:
    """Set PostgreSQL's sequence to continue after rows that were inserted with explicit ids."""
    column = table.autoincrement_column
    if column is None or connection.dialect.name != "postgresql":
        return
    highest = connection.execute(select(func.max(column))).scalar_one()
    if highest is not None:
        name = f"{table.name}.{column.name}"
        sequence = func.pg_get_serial_sequence(table.name, column.name)
        if connection.execute(select(sequence)).scalar_one() is None:
            raise RuntimeError(f"{name} has no sequence")
        connection.execute(select(func.setval(sequence, highest)))


def take_snapshot(connection: Connection) -> None:
    """Make all reads of this transaction see the same moment. Call it first. SQLite's transactions do so anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        allow_long_transaction(connection)


def allow_long_transaction(connection: Connection) -> None:
    """Disable the timeouts of this transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))


@dataclass(slots=True)
class RowsDigest:
    """Count and digest of a table's rows, independent of their order: the sum of the rows' SHA-256."""

    count: int = 0
    total: int = 0

    def add(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows."""
        for row in rows:
            self.count += 1
            number = int.from_bytes(hashlib.sha256(encode_row(table, row).encode()).digest())
            self.total = (self.total + number) % _DIGEST_MODULUS

    @property
    def hex(self) -> str:
        """The digest."""
        return f"{self.total:064x}"


def digest_table(connection: Connection, table: Table) -> RowsDigest:
    """Return count and digest of all rows of a table."""
    digest = RowsDigest()
    for rows in read_rows(connection, table):
        digest.add(table, rows)
    return digest


def encode_row(table: Table, row: Row) -> str:
    """Encode a row as one line of JSON, identical on both databases."""
    values = {column.name: _encode(column.type, row[column.name]) for column in table.columns}
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def decode_row(table: Table, line: str) -> Row:
    """Decode a line of `encode_row`. Raises ValueError if it is malformed, KeyError if a column is missing."""
    values = json.loads(line)
    try:
        return {column.name: _decode(column.type, values[column.name]) for column in table.columns}
    except (TypeError, AttributeError) as error:  # not an object, or a value of another type
        raise ValueError(f"this is not a row of {table.name}") from error


def _encode(kind: object, value: Any) -> object:
    if isinstance(kind, REAL) and value is not None:
        return struct.unpack("f", struct.pack("f", value))[0]  # PostgreSQL stores four bytes, SQLite eight
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def _decode(kind: object, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(kind, LargeBinary):
        return base64.b64decode(value, validate=True)
    if isinstance(kind, UtcDateTime):
        return datetime.fromisoformat(value)
    if isinstance(kind, Date):
        return date.fromisoformat(value)
    if isinstance(kind, Word):
        return kind.words(value)
    return UUID(value) if isinstance(kind, Uuid) else value
