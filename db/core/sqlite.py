"""Hints for SQLite, which SQLAlchemy leaves out: it has them for other databases only."""

from typing import Any

from sqlalchemy.dialects.sqlite.base import SQLiteCompiler


class HintingCompiler(SQLiteCompiler):
    """Writes `select(...).with_hint(table, "INDEXED BY name", "sqlite")` behind the table's name.

    SQLite then fails if it can't use the index, instead of reading the whole table unnoticed.
    """

    def get_from_hint_text(self, table: Any, text: str | None) -> str | None:
        """The hint as it was given."""
        return text
