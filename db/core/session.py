"""Connections and transactions, the same way on SQLite and PostgreSQL."""

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
WAITING_DELIVERIES = "waiting_deliveries"
"""Where a session keeps the ids of webhook deliveries that are to be made after its commit."""
_BUSY_TIMEOUT_MS = 15_000
_TIME_LIMITS_MS = {"lock_timeout": 15_000, "statement_timeout": 120_000, "idle_in_transaction_session_timeout": 120_000}
"""Of PostgreSQL. A statement that takes longer is a fault; a transaction that is left open holds up others."""
_REFUSED_BY_POOLERS = "unsupported startup parameter"

_NETWORK_LIMITS = {
    "tcp_user_timeout": 30_000,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
"""A server that vanished without a word is noticed in a minute, not when the system gives up after hours."""


class WriteLock:
    """Lets one thread of this process at a time write to an SQLite database, which has one writer anyway.

    SQLite's own way to wait is to sleep and to try again: with 32 threads, each of them sleeps for most of the time and the unlucky
    ones for seconds. After `timeout_s` a thread tries all the same, and SQLite says what it thinks of it.
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
    """One process's way to the database.

    `read()` and `write()` are transactions. Keep them short: none may stay open while pixels are worked on or a
    network is waited for.
    """

    def __init__(self, url: str, pool_size: int = 10, max_overflow: int = 10, schema: str | None = None) -> None:
        """url: SQLAlchemy URL, `sqlite:///path` or `postgresql+psycopg://...`. Connects at first use, not here.

        pool_size: connections that are kept. max_overflow: further ones while many are needed at a time. schema: of PostgreSQL, in
        place of the default one.
        """
        engine = _create_engine(url, pool_size, max_overflow)
        self.engine = engine.execution_options(schema_translate_map={None: schema}) if schema else engine
        self.send_deliveries: Callable[[Sequence[UUID]], None] | None = None
        """Has webhook deliveries made, whose rows are committed. It doesn't raise; the sweeper sends what it leaves."""
        self._reading = sessionmaker(self.engine, expire_on_commit=False)
        self._write_engine = self.engine.execution_options(**{_WRITES: True})
        self._writing = sessionmaker(self._write_engine, expire_on_commit=False)
        self._single_engine = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._write_lock = WriteLock(_BUSY_TIMEOUT_MS / 1000) if self.is_sqlite else contextlib.nullcontext()

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is a file of this machine."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that only reads. What it loaded stays usable afterwards."""
        with self._reading() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that writes: committed at the end of the block, rolled back if the block raises."""
        with self._write_lock, self._writing.begin() as session:
            yield session
        waiting: list[UUID] = session.info.pop(WAITING_DELIVERIES, [])
        if waiting and self.send_deliveries is not None:
            self.send_deliveries(waiting)

    @contextmanager
    def look_up(self) -> Iterator[Connection]:
        """Statements that read, each by itself: without a transaction around them, and without objects of the ORM."""
        with self._single_engine.connect() as connection:
            yield connection

    @contextmanager
    def write_rows(self) -> Iterator[Connection]:
        """A transaction that writes, without the ORM: committed at the end of the block, rolled back if the block raises."""
        with self._write_lock, self._write_engine.begin() as connection:
            yield connection

    def find_damage(self) -> str | None:
        """What is broken in the file of an SQLite database; None if nothing is, or for another kind of database.

        Reads all of the file: about a second for each gigabyte. Raises SQLAlchemyError if the file is no database at all.
        """
        if not self.is_sqlite:
            return None
        with self.engine.connect() as connection:
            said = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one())
        return None if said == "ok" else said

    def close(self) -> None:
        """Close the pooled connections. The object stays usable and would connect anew."""
        self.engine.dispose()


def _create_engine(url: str, pool_size: int, max_overflow: int) -> Engine:
    if make_url(url).get_backend_name() == "sqlite":
        engine = create_engine(url, pool_size=pool_size, max_overflow=max_overflow)
        engine.dialect.statement_compiler = HintingCompiler
        event.listen(engine, "do_connect", _make_sqlite_file)
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    # A pooled connection may have been cut while idle; a lock that nobody gives back must not hang a process for ever.
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
    """Sets the limits in each transaction where a pooler stands before PostgreSQL and refuses them at the start of a connection.

    PgBouncer does so: a connection of its own serves one client after another, each for a transaction. That costs a statement in
    each. Statements aren't prepared then, since the next transaction may be on another connection.
    """

    def __init__(self) -> None:
        self._is_needed = False

    def watch(self, engine: Engine) -> None:
        """Apply to all connections of the engine."""
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
    """Make a new database's file for its user alone. SQLite gives the files that it makes beside it the same mode."""
    if not options.get("uri") and arguments[0] != ":memory:":
        with contextlib.suppress(OSError):  # it is there, or SQLite says better why it can't be made
            os.close(os.open(arguments[0], os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _configure_sqlite(connection: Any, _entry: ConnectionPoolEntry) -> None:
    """WAL lets readers go on while one process writes; NORMAL is safe with it (a power cut may lose the last commits,
    never the file). Foreign keys are off unless asked for.
    """
    connection.isolation_level = None  # the driver would begin transactions by rules of its own
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    switch_to_wal(cursor)
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def switch_to_wal(cursor: sqlite3.Cursor, sleep: Callable[[float], None] = time.sleep) -> None:
    """Set the journal mode of a file to WAL, which it keeps.

    The first connection to a new file changes it. SQLite refuses that at once, whatever the busy timeout, while another connection
    has the file locked, as when several processes open a new file together. Raises sqlite3.OperationalError if it is still locked
    after the busy timeout. sleep: waits that many seconds between two attempts.
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
    """Take the write lock at the start of a writing transaction: one that reads first and writes later would fail with
    SQLITE_BUSY at once, whatever the busy timeout, if another process wrote in between.
    """
    options = connection.get_execution_options()
    if options.get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(_WRITES, False) else "BEGIN")
