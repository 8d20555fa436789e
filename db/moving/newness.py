"""Detects a new installation. `emoscope migrate` registers the shipped models and logs it, so its database isn't empty."""

from sqlalchemy import Connection, Table, delete, func, select

from db.core.actors import EMOSCOPE
from db.moving.errors import CannotMove

_MADE_ALONE = ("promotions", "model_aliases", "model_versions", "workers")
_HISTORY = "audit_events"


def empty_new_database(connection: Connection, tables: dict[str, Table]) -> None:
    """Delete the initial rows of a new installation. Raises CannotMove if there are any others.

    tables: all, by name.
    """
    for name, table in tables.items():
        own = select(func.count()).select_from(table)
        if name == _HISTORY:
            own = own.where(table.c.actor != str(EMOSCOPE))
        if name not in _MADE_ALONE and connection.execute(own).scalar_one():
            raise CannotMove(f"the target has data of its own (in {name}): it must be a new installation")
    for name in (*_MADE_ALONE, _HISTORY):
        connection.execute(delete(tables[name]))
