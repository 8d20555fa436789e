"""The table of calls that are owed to applications."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils.compat import uuid7

from db.core.base import Base
from db.core.types import utcnow


class Callback(Base):
    """A call to an application's address that is owed or was made."""

    __tablename__ = "callbacks"
    __table_args__ = (Index(None, "done_at", "next_try_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), unique=True)
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime] = mapped_column(default=utcnow)
    done_at: Mapped[datetime | None]
    """When it was delivered or given up."""
    last_answer: Mapped[str | None] = mapped_column(Text)
