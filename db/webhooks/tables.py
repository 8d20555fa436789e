"""The tables of webhooks: who is called, what happened, and every attempt to tell of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship
from uuid_utils.compat import uuid7

from db.accounts.tables import Application
from db.core.base import Base
from db.core.types import Word, utcnow
from db.core.vocabulary import DeliveryState, EndpointState


class WebhookEndpoint(Base):
    """A URL that is called when something happens. The `callback_url` of a job is an endpoint of that job alone."""

    __tablename__ = "webhook_endpoints"
    __table_args__ = (Index(None, "application_id", "job_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id", ondelete="CASCADE"))
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), unique=True)
    """The one job that it is for; empty for all of its application's."""
    url: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(String(200), default="")
    events: Mapped[list[str]]
    """Types of events that are wanted."""
    include_faces: Mapped[bool] = mapped_column(default=False)
    """Whether bodies carry the faces of a job."""
    secret: Mapped[str | None] = mapped_column(String(100))
    """Signs the calls, in the Standard Webhooks form `whsec_...`. Empty: the application's callback secret."""
    previous_secret: Mapped[str | None] = mapped_column(String(100))
    previous_secret_until: Mapped[datetime | None]
    """Until when the secret before signs too."""
    state: Mapped[EndpointState] = mapped_column(Word(EndpointState), default=EndpointState.ACTIVE)
    state_reason: Mapped[str | None] = mapped_column(Text)
    """Why the service paused it."""
    failing_since: Mapped[datetime | None]
    """The first failure after the last success."""
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    application: Mapped[Application] = relationship(lazy="joined")


class WebhookEvent(Base):
    """Something that happened, stored once however many endpoints are told. Its id is the `webhook-id` of every call."""

    __tablename__ = "webhook_events"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    type: Mapped[str] = mapped_column(String(50))
    data: Mapped[dict[str, Any]]
    """As the type's document says; never a face."""
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    batch_id: Mapped[UUID | None] = mapped_column(ForeignKey("batches.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class WebhookDelivery(Base):
    """One attempt to tell an endpoint of an event. An attempt that failed is followed by the row of the next."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (Index(None, "state", "due_at"), Index(None, "endpoint_id", "id"), Index(None, "event_id", "id"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    event_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_events.id", ondelete="CASCADE"))
    endpoint_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_endpoints.id", ondelete="CASCADE"))
    attempt: Mapped[int] = mapped_column(default=1)
    is_replay: Mapped[bool] = mapped_column(default=False)
    """Whether somebody asked for it, after the attempts that the service makes by itself."""
    state: Mapped[DeliveryState] = mapped_column(Word(DeliveryState), default=DeliveryState.PENDING)
    due_at: Mapped[datetime] = mapped_column(default=utcnow)
    """When it may be made. While it is made: until when no other worker makes it."""
    started_at: Mapped[datetime | None]
    status_code: Mapped[int | None]
    """Of the receiver's answer; empty if there was none."""
    answer: Mapped[str | None] = mapped_column(Text)
    """The first bytes of the answer's body, as text."""
    error: Mapped[str | None] = mapped_column(Text)
    """Why there is no answer."""
    duration_ms: Mapped[float | None]

    event: Mapped[WebhookEvent] = relationship(lazy="joined")
    endpoint: Mapped[WebhookEndpoint] = relationship(lazy="joined")


class Callback(Base):
    """A call that a job owed in releases before 0.2. `old_callbacks.py` turns them into deliveries; nothing adds any."""

    __tablename__ = "callbacks"
    __table_args__ = (Index(None, "done_at", "next_try_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), unique=True)
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime] = mapped_column(default=utcnow)
    done_at: Mapped[datetime | None]
    """When it was delivered or given up."""
    last_answer: Mapped[str | None] = mapped_column(Text)
