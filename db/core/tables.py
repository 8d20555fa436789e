"""The table about the schema itself."""

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from db.core.base import Base


class SchemaCompatibility(Base):
    """The single row that names the oldest release that works with the schema. Each migration rewrites it."""

    __tablename__ = "schema_compatibility"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    oldest_revision: Mapped[str] = mapped_column(String(32))
    """Newest migration of the oldest compatible release."""
