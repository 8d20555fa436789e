"""Index hints for SQLite, which SQLAlchemy doesn't compile."""

from typing import Any

from sqlalchemy.dialects.sqlite.base import SQLiteCompiler


class HintingCompiler(SQLiteCompiler):
    """Compiles `select(...).with_hint(table, "INDEXED BY name", "sqlite")`.

    SQLite then fails if it can't use the index, instead of silently scanning the table.
    """

    def get_from_hint_text(self, table: Any, text: str | None) -> str | None:
        """Return the hint unchanged."""
        return text
