"""Alembic's entry point. It is only run through `db/core/migrate.py`, which hands over the connection."""

from collections.abc import Collection
from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from alembic.migration import MigrationContext
from sqlalchemy import delete, insert, inspect
from sqlalchemy.types import TypeDecorator

from db.tables import Base, SchemaCompatibility


def render_item(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Write our own column types as what they are in the database, so that a migration never depends on later code."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl_instance!r}"
    return False


def note_compatibility(ctx: MigrationContext, heads: Collection[str], **_: Any) -> None:
    """Write how old a release may be that works with the schema after a migration, or after taking one back.

    A migration that names no `oldest_revision` works with no older release.
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
