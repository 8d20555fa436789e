"""Alembic's entry point. Only run by `db/core/migrate.py`, which passes the connection."""

from collections.abc import Collection
from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from alembic.migration import MigrationContext
from sqlalchemy import delete, insert, inspect
from sqlalchemy.types import TypeDecorator

from db.tables import Base, SchemaCompatibility


def render_item(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Render our column types as their database types, so that migrations never depend on later code."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl_instance!r}"
    return False


def note_compatibility(ctx: MigrationContext, heads: Collection[str], **_: Any) -> None:
    """Store the oldest release that works with the schema after an upgrade or downgrade.

    A migration without `oldest_revision` is compatible with no older release.
    """
    assert ctx.connection is not None
    if not heads or not inspect(ctx.connection).has_table(SchemaCompatibility.__tablename__):
        return
    (head,) = heads
    script = context.script.get_revision(head)
    assert script is not None
    oldest = getattr(script.module, "oldest_revision", head)
    ctx.connection.execute(delete(SchemaCompatibility))
    ctx.connection.execute(insert(SchemaCompatibility).values(id=1, oldest_revision=oldest))


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    # SQLite can't alter a column; batch mode copies the table instead.
    render_as_batch=True,
    compare_type=True,
    render_item=render_item,
    on_version_apply=note_compatibility,  # type: ignore[arg-type]  # it is called with names, and hands over more than we use
)
with context.begin_transaction():
    context.run_migrations()
