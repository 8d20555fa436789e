"""The tables of accounts: applications, API keys, users, sessions, the audit log."""

from datetime import date, datetime
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
from db.core.vocabulary import Purpose, Role, Scope

TEST_PREFIX = "emo_test_"
"""How a test key begins."""


class Application(Base):
    """An application that submits photos. It sees only its own jobs, and may have several keys over time."""

    __tablename__ = "applications"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    callback_secret: Mapped[str] = mapped_column(String(100))
    """Signs the calls of jobs' `callback_url`, in the Standard Webhooks format `whsec_...`."""
    previous_callback_secret: Mapped[str | None] = mapped_column(String(100))
    previous_callback_secret_until: Mapped[datetime | None]
    """End of the overlap with the previous secret."""
    purpose: Mapped[Purpose | None] = mapped_column(Word(Purpose))
    """Declared purpose; empty if none was declared."""
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class ApiKey(Base):
    """A key of an application. Only its hash is stored; users identify it by its prefix."""

    __tablename__ = "api_keys"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id", ondelete="CASCADE"), index=True)
    prefix: Mapped[str] = mapped_column(String(16))
    key_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    """SHA-256 of the key. A key has 256 random bits, so a slow password hash would add nothing."""
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    scopes: Mapped[list[str]] = mapped_column(default=lambda: [Scope.SUBMIT.value], server_default='["submit"]')
    """Values of `vocabulary.Scope`."""
    description: Mapped[str | None] = mapped_column(String(200))
    expires_at: Mapped[datetime | None]
    """Expiry; empty: never."""
    rate_limit: Mapped[str | None] = mapped_column(String(50))
    """Overrides the setting, in the setting's format."""
    daily_quota: Mapped[int | None]
    """Photos per day (UTC); empty: unlimited."""
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    application: Mapped[Application] = relationship(lazy="joined")

    @property
    def is_test(self) -> bool:
        """Whether requests with it are answered without a worker and kept apart from real data."""
        return self.prefix.startswith(TEST_PREFIX)


class KeyUsage(Base):
    """Usage of a key on one day (UTC)."""

    __tablename__ = "key_usage"

    key_id: Mapped[UUID] = mapped_column(ForeignKey("api_keys.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    requests: Mapped[int] = mapped_column(BigInteger, default=0)
    photos: Mapped[int] = mapped_column(BigInteger, default=0)
    """Accepted for analysis."""
    faces: Mapped[int] = mapped_column(BigInteger, default=0)
    """Found in these photos; counted on the day of the analysis."""
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    """Bytes of request bodies."""
    errors: Mapped[int] = mapped_column(BigInteger, default=0)
    """Requests answered with status 400 or above."""

    key: Mapped[ApiKey] = relationship(lazy="joined")


class SignInTries(Base):
    """Wrong passwords for one name from one address. Deleted after a while without a try."""

    __tablename__ = "sign_in_tries"
    __table_args__ = (UniqueConstraint("name_hash", "address"), Index(None, "last_tried_at"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    name_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    address: Mapped[str] = mapped_column(String(64))
    """An IPv4 address, or an IPv6 network of 64 bits."""
    failed_attempts: Mapped[int] = mapped_column(default=0)
    """Since the last correct password."""
    locked_until: Mapped[datetime | None]
    last_tried_at: Mapped[datetime | None]


class User(Base):
    """A user of the pages."""

    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    """Lower case; used in the audit log and in votes."""
    role: Mapped[Role] = mapped_column(Word(Role))
    password_hash: Mapped[str] = mapped_column(String(200))
    """Argon2id, with its parameters and salt."""
    disabled_at: Mapped[datetime | None]
    locked_until: Mapped[datetime | None]
    """How long the latest address with wrong passwords must wait; other addresses needn't."""
    last_signed_in_at: Mapped[datetime | None]
    failed_attempts: Mapped[int] = mapped_column(default=0)
    last_tried_at: Mapped[datetime | None]
    """Both are read by the previous release only."""
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class UnknownName(Base):
    """An unknown name with which a sign-in was tried. Used by the previous release only."""

    __tablename__ = "unknown_names"
    __table_args__ = (Index(None, "last_tried_at"),)

    name_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    failed_attempts: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    last_tried_at: Mapped[datetime | None]


class UserSession(Base):
    """A session of a signed-in user. Kept on the server, so that disabling the user or changing the password ends it at once."""

    __tablename__ = "user_sessions"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    """SHA-256 of the cookie's 256 random bits."""
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    expires_at: Mapped[datetime] = mapped_column(index=True)

    user: Mapped[User] = relationship(lazy="joined")

    @property
    def id(self) -> str:
        """The id shown to the user. It can't be used to sign in."""
        return self.token_hash.hex()


class AuditEvent(ActorColumns, Base):
    """An entry of the audit log: who changed what, when, with details. Rows are only added."""

    __tablename__ = "audit_events"
    __table_args__ = (
        Index(None, "actor", "id"),
        Index(None, "subject", "id"),
        Index(None, "action", "id"),
        Index(None, "at"),
    )

    # SQLite assigns ids only to a key of type INTEGER.
    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    at: Mapped[datetime] = mapped_column(default=utcnow)
    action: Mapped[str] = mapped_column(String(50))
    """Noun and verb, such as `user.create`."""
    subject: Mapped[str] = mapped_column(String(200))
    """What was changed, such as `user:ana` or `model_version:3`."""
    details: Mapped[dict[str, Any]]
