"""Rows that two transactions may make at once: the second finds that of the first, and neither fails."""

from typing import Any

from sqlalchemy import inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from db.core.base import Base


def insert_if_new(session: Session, table: type[Base], **values: Any) -> bool:
    """Store a row, unless one with the same unique values is there. Returns whether it was stored.

    Where another transaction has stored such a row and not ended yet, this waits for its end.
    """
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    stored = insert(table).values(**values).on_conflict_do_nothing().returning(*inspect(table).primary_key)
    return session.execute(stored).first() is not None
