"""The tables of accounts: applications, API keys, users, sessions, the audit log."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship
from uuid_utils.compat import uuid7

from db.core.actors import ActorColumns
from db.core.base import Base
from db.core.types import Word, utcnow
from db.core.vocabulary import Role, Scope


class Application(Base):
    """Who submits photos. It sees its own jobs alone; its keys come and go."""

    __tablename__ = "applications"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    callback_secret: Mapped[str] = mapped_column(String(100))
    """Signs the calls of jobs' `callback_url`, in the Standard Webhooks form `whsec_...`."""
    previous_callback_secret: Mapped[str | None] = mapped_column(String(100))
    previous_callback_secret_until: Mapped[datetime | None]
    """Until when the secret before signs too."""
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class ApiKey(Base):
    """A key of an application. Only its hash is stored; the prefix lets a person tell keys apart."""

    __tablename__ = "api_keys"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id", ondelete="CASCADE"), index=True)
    prefix: Mapped[str] = mapped_column(String(16))
    key_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    """SHA-256 of the key. A key is 256 random bits, so a slow password hash would add nothing."""
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    scopes: Mapped[list[str]] = mapped_column(default=lambda: [Scope.SUBMIT.value], server_default='["submit"]')
    """What the key may do: words of `vocabulary.Scope`."""
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    application: Mapped[Application] = relationship(lazy="joined")


class SignInTries(Base):
    """Wrong passwords that were tried for one name from one address. Deleted when they are forgotten."""

    __tablename__ = "sign_in_tries"
    __table_args__ = (UniqueConstraint("name_hash", "address"), Index(None, "last_tried_at"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    name_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    address: Mapped[str] = mapped_column(String(64))
    """An IPv4 address, or an IPv6 network of 64 bits."""
    failed_attempts: Mapped[int] = mapped_column(default=0)
    """Since the last right one."""
    locked_until: Mapped[datetime | None]
    last_tried_at: Mapped[datetime | None]


class User(Base):
    """A person who signs in to the pages."""

    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    """Lower case; what the audit log and the votes call the person."""
    role: Mapped[Role] = mapped_column(Word(Role))
    password_hash: Mapped[str] = mapped_column(String(200))
    """Argon2id, with its parameters and salt."""
    disabled_at: Mapped[datetime | None]
    locked_until: Mapped[datetime | None]
    """Until when the latest address must wait that tried wrong passwords; others aren't hindered."""
    last_signed_in_at: Mapped[datetime | None]
    failed_attempts: Mapped[int] = mapped_column(default=0)
    last_tried_at: Mapped[datetime | None]
    """Both are read by the previous release only."""
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class UnknownName(Base):
    """A name that somebody tried to sign in with and that nobody has. Used by the previous release only."""

    __tablename__ = "unknown_names"
    __table_args__ = (Index(None, "last_tried_at"),)

    name_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    failed_attempts: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    last_tried_at: Mapped[datetime | None]


class UserSession(Base):
    """A signed-in browser. Kept on the server, so that disabling a user or changing the password ends it at once."""

    __tablename__ = "user_sessions"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    """SHA-256 of the cookie's 256 random bits."""
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    expires_at: Mapped[datetime] = mapped_column(index=True)

    user: Mapped[User] = relationship(lazy="joined")

    @property
    def id(self) -> str:
        """How the session is named to its person; nobody gets in with it."""
        return self.token_hash.hex()


class AuditEvent(ActorColumns, Base):
    """One change: who made it, to what, when, and the particulars. Rows are only ever added."""

    __tablename__ = "audit_events"
    __table_args__ = (
        Index(None, "actor", "id"),
        Index(None, "subject", "id"),
        Index(None, "action", "id"),
        Index(None, "at"),
    )

    # SQLite numbers rows by itself only where the key is a plain INTEGER.
    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    at: Mapped[datetime] = mapped_column(default=utcnow)
    action: Mapped[str] = mapped_column(String(50))
    """Noun and verb, such as `user.create`."""
    subject: Mapped[str] = mapped_column(String(200))
    """What was changed, such as `user:ana` or `model_version:3`."""
    details: Mapped[dict[str, Any]]
