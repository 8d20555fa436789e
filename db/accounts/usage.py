"""Counts the usage of API keys per day.

Counts are kept in memory and added to the database every few seconds, so that no request waits for a row. A killed process loses
the counts of the last few seconds.
"""

import threading
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import structlog
from sqlalchemy import and_, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from db.accounts.tables import ApiKey, Application, KeyUsage
from db.core.session import Database
from db.core.types import utcnow

log = structlog.get_logger(__name__)

_COUNTED = ("requests", "photos", "faces", "bytes", "errors")
_FLUSH_S = 10.0


class UsageCounter:
    """One process's counts, and the thread that adds them to the database. Thread-safe."""

    def __init__(self, database: Database, flush_s: float = _FLUSH_S) -> None:
        """flush_s: seconds between two writes to the database."""
        self._database, self._flush_s = database, flush_s
        self._lock = threading.Lock()
        self._counts: defaultdict[tuple[UUID, date], Counter[str]] = defaultdict(Counter)
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def count(self, key_id: UUID, **counts: int) -> None:
        """Add to a key's counts of today: `requests`, `photos`, `faces`, `bytes`, `errors`."""
        with self._lock:
            self._counts[key_id, utcnow().date()].update(counts)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="key-usage", daemon=True)
                self._thread.start()

    def flush(self) -> None:
        """Add all counts to the database. Counts that can't be written are kept for later."""
        with self._lock:
            counts, self._counts = self._counts, defaultdict(Counter)
        if not counts:
            return
        try:
            with self._database.write() as session:
                _add_up(session, counts)
        except SQLAlchemyError as error:
            log.warning("usage_not_written", reason=str(error))
            with self._lock:
                for place, found in counts.items():
                    self._counts[place].update(found)

    def close(self) -> None:
        """Stop the thread, and write the remaining counts."""
        self._closed.set()
        self.flush()

    def _run(self) -> None:
        while not self._closed.wait(self._flush_s):
            self.flush()


def _add_up(session: Session, counts: dict[tuple[UUID, date], Counter[str]]) -> None:
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    known = set(session.scalars(select(ApiKey.id).where(ApiKey.id.in_({key_id for key_id, _ in counts}))))
    # in a fixed order, so that two processes can't deadlock
    for (key_id, day), found in sorted(counts.items(), key=lambda each: each[0]):
        if key_id in known:
            added = insert(KeyUsage).values(key_id=key_id, day=day, **{name: found[name] for name in _COUNTED})
            sums = {name: KeyUsage.__table__.c[name] + added.excluded[name] for name in _COUNTED}
            session.execute(added.on_conflict_do_update(index_elements=["key_id", "day"], set_=sums))


@dataclass(frozen=True, kw_only=True)
class UsageFilter:
    """Filter of usage; None doesn't restrict. prefix: of the key. Both days are included."""

    prefix: str | None = None
    application: str | None = None
    first_day: date | None = None
    last_day: date | None = None


def list_usage(
    session: Session, wanted: UsageFilter, limit: int = 1000, before: tuple[date, UUID] | None = None
) -> Sequence[KeyUsage]:
    """List usage by key and day, latest day first, at most `limit` rows. before: day and key of the last row of the previous
    page.
    """
    statement = (
        select(KeyUsage)
        .join(KeyUsage.key)
        .join(ApiKey.application)
        .order_by(KeyUsage.day.desc(), ApiKey.id)
        .limit(limit)
    )
    if before is not None:
        day, key_id = before
        statement = statement.where(or_(KeyUsage.day < day, and_(KeyUsage.day == day, ApiKey.id > key_id)))
    if wanted.prefix is not None:
        statement = statement.where(ApiKey.prefix == wanted.prefix)
    if wanted.application is not None:
        statement = statement.where(Application.name == wanted.application)
    if wanted.first_day is not None:
        statement = statement.where(KeyUsage.day >= wanted.first_day)
    if wanted.last_day is not None:
        statement = statement.where(KeyUsage.day <= wanted.last_day)
    return session.scalars(statement).all()


def sum_usage(session: Session) -> dict[str, int]:
    """Sum the usage of all keys on all days, by kind of count."""
    row = session.execute(select(*(func.coalesce(func.sum(getattr(KeyUsage, name)), 0) for name in _COUNTED))).one()
    return {name: int(value) for name, value in zip(_COUNTED, row, strict=True)}
