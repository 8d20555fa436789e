"""The tables of webhooks: endpoints, events, and deliveries."""

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
    """A URL that receives events. The `callback_url` of a job is an endpoint of that job alone."""

    __tablename__ = "webhook_endpoints"
    __table_args__ = (Index(None, "application_id", "job_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id", ondelete="CASCADE"))
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), unique=True)
    """The single job that it is for; empty for all jobs of its application."""
    url: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(String(200), default="")
    events: Mapped[list[str]]
    """Subscribed event types."""
    include_faces: Mapped[bool] = mapped_column(default=False)
    """Whether bodies include the faces of a job."""
    secret: Mapped[str | None] = mapped_column(String(100))
    """Signs the calls, in the Standard Webhooks format `whsec_...`. Empty: the application's callback secret."""
    previous_secret: Mapped[str | None] = mapped_column(String(100))
    previous_secret_until: Mapped[datetime | None]
    """End of the overlap with the previous secret."""
    state: Mapped[EndpointState] = mapped_column(Word(EndpointState), default=EndpointState.ACTIVE)
    state_reason: Mapped[str | None] = mapped_column(Text)
    """Why the service paused it."""
    failing_since: Mapped[datetime | None]
    """The first failure after the last success."""
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    application: Mapped[Application] = relationship(lazy="joined")


class WebhookEvent(Base):
    """An event, stored once for all endpoints. Its id is the `webhook-id` of every call."""

    __tablename__ = "webhook_events"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    type: Mapped[str] = mapped_column(String(50))
    data: Mapped[dict[str, Any]]
    """Data of the event type; never a face."""
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    batch_id: Mapped[UUID | None] = mapped_column(ForeignKey("batches.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class WebhookDelivery(Base):
    """One attempt to deliver an event to an endpoint. A failed attempt is followed by the row of the next one."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index(None, "state", "due_at"),
        Index(None, "endpoint_id", "id"),
        Index(None, "endpoint_id", "state", "id"),
        Index(None, "event_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    event_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_events.id", ondelete="CASCADE"))
    endpoint_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_endpoints.id", ondelete="CASCADE"))
    attempt: Mapped[int] = mapped_column(default=1)
    is_replay: Mapped[bool] = mapped_column(default=False)
    """Whether it was requested by hand, in addition to the automatic attempts."""
    state: Mapped[DeliveryState] = mapped_column(Word(DeliveryState), default=DeliveryState.PENDING)
    due_at: Mapped[datetime] = mapped_column(default=utcnow)
    """When it is due. During the attempt: until when no other worker may claim it."""
    started_at: Mapped[datetime | None]
    status_code: Mapped[int | None]
    """Status of the response; empty if there was none."""
    answer: Mapped[str | None] = mapped_column(Text)
    """The first bytes of the response body, as text."""
    error: Mapped[str | None] = mapped_column(Text)
    """Why there was no response."""
    duration_ms: Mapped[float | None]

    event: Mapped[WebhookEvent] = relationship(lazy="joined")
    endpoint: Mapped[WebhookEndpoint] = relationship(lazy="joined")


class Callback(Base):
    """A callback of releases before 0.2. `old_callbacks.py` converts them to deliveries; no new ones are added."""

    __tablename__ = "callbacks"
    __table_args__ = (Index(None, "done_at", "next_try_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), unique=True)
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime] = mapped_column(default=utcnow)
    done_at: Mapped[datetime | None]
    """When it was delivered or abandoned."""
    last_answer: Mapped[str | None] = mapped_column(Text)
