"""Connections and transactions for SQLite and PostgreSQL."""

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

import db.tables  # noqa: F401 - mapped classes name each other, so all of them must be known
from db.core.sqlite import HintingCompiler

_WRITES = "emoscope_writes"
_SINGLE = "emoscope_single"
WAITING_DELIVERIES = "waiting_deliveries"
"""Key in `session.info` of webhook deliveries to send after the commit."""
_BUSY_TIMEOUT_MS = 15_000
_TIME_LIMITS_MS = {"lock_timeout": 15_000, "statement_timeout": 120_000, "idle_in_transaction_session_timeout": 120_000}
"""PostgreSQL's timeouts. A statement that takes longer is a fault, and an idle transaction blocks others."""
_REFUSED_BY_POOLERS = "unsupported startup parameter"

_NETWORK_LIMITS = {
    "tcp_user_timeout": 30_000,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
"""TCP keepalives, so that a vanished server is noticed within a minute, not after the system's hours."""


class WriteLock:
    """Allows one thread of this process at a time to write to an SQLite database, which has only one writer.

    SQLite waits by sleeping and retrying. With 32 threads each would sleep most of the time, and unlucky ones for seconds. After
    `timeout_s` a thread tries anyway, and SQLite reports the error.
    """

    def __init__(self, timeout_s: float) -> None:
        self._lock = threading.Lock()
        self._timeout_s = timeout_s
        self._is_mine = threading.local()

    def __enter__(self) -> None:
        self._is_mine.held = self._lock.acquire(timeout=self._timeout_s)

    def __exit__(self, *_error: object) -> None:
        if self._is_mine.held:
            self._lock.release()


class Database:
    """A process's access to the database.

    `read()` and `write()` are transactions. Keep them short: none may stay open while pixels are processed or a network call is
    made.
    """

    def __init__(self, url: str, pool_size: int = 10, max_overflow: int = 10, schema: str | None = None) -> None:
        """url: SQLAlchemy URL, `sqlite:///path` or `postgresql+psycopg://...`. Connects at first use.

        pool_size: connections that are kept open.
        max_overflow: additional ones under load.
        schema: PostgreSQL schema, instead of the default one.
        """
        engine = _create_engine(url, pool_size, max_overflow)
        self.engine = engine.execution_options(schema_translate_map={None: schema}) if schema else engine
        self.send_deliveries: Callable[[Sequence[UUID]], None] | None = None
        """Sends the messages of committed webhook deliveries. It doesn't raise; the sweeper sends those that it misses."""
        self._reading = sessionmaker(self.engine, expire_on_commit=False)
        self._write_engine = self.engine.execution_options(**{_WRITES: True})
        self._writing = sessionmaker(self._write_engine, expire_on_commit=False)
        # SQLite's driver begins nothing by itself; SQLAlchemy takes half of a look-up's time to tell it so, and to take it back
        single = {_SINGLE: True} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}
        self._single_engine = self.engine.execution_options(**single)
        self._write_lock = WriteLock(_BUSY_TIMEOUT_MS / 1000) if self.is_sqlite else contextlib.nullcontext()

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is an SQLite file."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a read-only transaction. Loaded objects stay usable afterwards."""
        with self._reading() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a writing transaction: committed at the end of the block, rolled back if the block raises."""
        with self._write_lock, self._writing.begin() as session:
            yield session
        waiting: list[UUID] = session.info.pop(WAITING_DELIVERIES, [])
        if waiting and self.send_deliveries is not None:
            self.send_deliveries(waiting)

    @contextmanager
    def look_up(self) -> Iterator[Connection]:
        """Open a connection for single SELECTs, without a transaction and without ORM objects."""
        with self._single_engine.connect() as connection:
            yield connection

    @contextmanager
    def write_rows(self) -> Iterator[Connection]:
        """Open a writing transaction without the ORM: committed at the end of the block, rolled back if the block raises."""
        with self._write_lock, self._write_engine.begin() as connection:
            yield connection

    def find_damage(self) -> str | None:
        """Check the file of an SQLite database. Returns a description of the damage; None if there is none, or for PostgreSQL.

        Reads the whole file: about a second per gigabyte. Raises SQLAlchemyError if the file isn't a database.
        """
        if not self.is_sqlite:
            return None
        with self.engine.connect() as connection:
            said = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one())
        return None if said == "ok" else said

    def close(self) -> None:
        """Close the pooled connections. The object stays usable and reconnects at the next call."""
        self.engine.dispose()


def _create_engine(url: str, pool_size: int, max_overflow: int) -> Engine:
    if make_url(url).get_backend_name() == "sqlite":
        engine = create_engine(url, pool_size=pool_size, max_overflow=max_overflow)
        engine.dialect.statement_compiler = HintingCompiler
        event.listen(engine, "do_connect", _make_sqlite_file)
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    # A pooled connection may have been closed while idle, and an abandoned lock must not hang a process forever.
    limits = " ".join(f"-c {name}={value}" for name, value in _TIME_LIMITS_MS.items())
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_pre_ping=True,
        connect_args={"connect_timeout": 10, **_NETWORK_LIMITS, "options": f"{limits} -c timezone=utc"},
    )
    PoolerLimits().watch(engine)
    return engine


class PoolerLimits:
    """Sets the timeouts in each transaction if a pooler in front of PostgreSQL refuses them at connection start.

    PgBouncer does: its server connections serve one client after another, each for a transaction. This costs a statement per
    transaction. Prepared statements are disabled, because the next transaction may use another connection.
    """

    def __init__(self) -> None:
        self._is_needed = False

    def watch(self, engine: Engine) -> None:
        """Apply it to all connections of the engine."""
        event.listen(engine, "do_connect", self._connect)
        event.listen(engine, "begin", self._begin)

    def _connect(self, dialect: Any, _record: Any, arguments: list[Any], options: dict[str, Any]) -> Any:
        if not self._is_needed:
            try:
                return dialect.connect(*arguments, **options)
            except dialect.dbapi.OperationalError as error:
                if _REFUSED_BY_POOLERS not in str(error):
                    raise
                self._is_needed = True
        plain = {name: value for name, value in options.items() if name != "options"}
        return dialect.connect(*arguments, **plain, prepare_threshold=None)

    def _begin(self, connection: Connection) -> None:
        if self._is_needed:
            limits = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in _TIME_LIMITS_MS.items())
            connection.exec_driver_sql(f"SELECT {limits}, set_config('TimeZone', 'UTC', true)")


def _make_sqlite_file(_dialect: Any, _record: Any, arguments: list[Any], options: dict[str, Any]) -> None:
    """Create a new database's file readable by its user only. SQLite gives its other files the same mode."""
    if not options.get("uri") and arguments[0] != ":memory:":
        with contextlib.suppress(OSError):  # it exists, or SQLite reports the reason better
            os.close(os.open(arguments[0], os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _configure_sqlite(connection: Any, _entry: ConnectionPoolEntry) -> None:
    """Configure a connection. With WAL, readers continue while one process writes.

    NORMAL is safe with WAL: a power cut may lose the last commits, but can't corrupt the file. SQLite enables foreign keys only
    on request.
    """
    connection.isolation_level = None  # disables the driver's own transaction handling
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    switch_to_wal(cursor)
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def switch_to_wal(cursor: sqlite3.Cursor, sleep: Callable[[float], None] = time.sleep) -> None:
    """Set the file's journal mode to WAL, which is persistent.

    The first connection to a new file changes it. While another connection has the file locked, as when several processes open
    a new file together, SQLite refuses that at once, regardless of the busy timeout.
    Raises sqlite3.OperationalError if it is still locked after the busy timeout.
    sleep: waits that many seconds between two attempts.
    """
    deadline = time.monotonic() + _BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            sleep(0.01)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at the start of a writing transaction. A transaction that reads first and writes later would fail with
    SQLITE_BUSY, regardless of the busy timeout, if another process wrote in between.
    """
    options = connection.get_execution_options()
    if not options.get(_SINGLE, False) and options.get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(_WRITES, False) else "BEGIN")
