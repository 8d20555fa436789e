"""Stores the rows of a bench in PostgreSQL by COPY, which takes a tenth of the time of INSERT: ten million faces in minutes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, text

from db.core.base import Base
from db.core.rows import get_table
from db.core.session import Database
from db.faces.tables import Face
from db.reviews.tables import ReviewSubject

_LIST_INDEXES = text(
    "SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition FROM pg_index"
    " WHERE indrelid = ANY(CAST(:tables AS regclass[]))"
    " AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)"
)

_WITH_CROPS = (Face, ReviewSubject)
_ZEROS = "decode(repeat('00', 2304), 'hex')"


def copy_rows(connection: Connection, table: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Store rows that all have the columns of the first one; the others get the table's defaults, or are null, and crops too."""
    columns = [
        column
        for column in get_table(table).columns
        if column.name != "crop" and (column.name in rows[0] or _has_constant(column))
    ]
    converted = [(column.name, _find_converter(column, connection), _find_constant(column)) for column in columns]
    names = ", ".join(f'"{column.name}"' for column in columns)
    driver: Any = connection.connection.cursor()
    with driver.copy(f"COPY {get_table(table).name} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row([convert(row.get(name, constant)) for name, convert, constant in converted])


@contextmanager
def copying(database: Database, tables: Sequence[type[Base]]) -> Iterator[None]:
    """Prepare tables for millions of rows: without the indexes that keep no constraint, which are created again at the end, and
    without looking up foreign keys. Crops get a default of zeros, which PostgreSQL compresses to a few bytes.

    Needs a superuser.
    """
    with database.engine.begin() as connection:
        dropped = connection.execute(_LIST_INDEXES, {"tables": [get_table(table).name for table in tables]}).all()
        for index in dropped:
            connection.exec_driver_sql(f"DROP INDEX {index.name}")
        for change in (
            *_list_changes(tables, "DISABLE TRIGGER ALL"),
            *_list_changes(_WITH_CROPS, f"ALTER crop SET DEFAULT {_ZEROS}"),
        ):
            connection.exec_driver_sql(change)
    yield
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for change in (
            *_list_changes(tables, "ENABLE TRIGGER ALL"),
            *_list_changes(_WITH_CROPS, "ALTER crop DROP DEFAULT"),
        ):
            connection.exec_driver_sql(change)
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql("SET maintenance_work_mem = '256MB'")
        for index in dropped:
            connection.exec_driver_sql(index.definition)
        connection.invalidate()  # the settings are this function's


def _list_changes(tables: Sequence[type[Base]], change: str) -> list[str]:
    return [f"ALTER TABLE {get_table(table).name} {change}" for table in tables]


def _has_constant(column: Any) -> bool:
    return column.default is not None and column.default.is_scalar and column.server_default is None


def _find_constant(column: Any) -> Any:
    return column.default.arg if column.default is not None and column.default.is_scalar else None


def _find_converter(column: Any, connection: Connection) -> Callable[[Any], Any]:
    found = column.type.dialect_impl(connection.dialect).bind_processor(connection.dialect)
    return found or (lambda value: value)
