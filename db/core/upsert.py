"""Inserts that two transactions may make at once: the second finds the first one's row, and neither fails."""

from typing import Any

from sqlalchemy import inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from db.core.base import Base


def insert_if_new(session: Session, table: type[Base], **values: Any) -> bool:
    """Insert a row, unless one with the same unique values exists. Returns whether it was inserted.

    Waits for another open transaction that has inserted such a row.
    """
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    stored = insert(table).values(**values).on_conflict_do_nothing().returning(*inspect(table).primary_key)
    return session.execute(stored).first() is not None
