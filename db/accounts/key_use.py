"""Find the API key of a request, and record its use. Keys are created and changed in db/accounts/api_keys.py."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, bindparam, or_, select
from sqlalchemy.orm import Session

from db.accounts.tables import TEST_PREFIX, ApiKey, Application
from db.core.types import utcnow

_LAST_USED_GRAIN = timedelta(minutes=1)
"""Precision of `last_used_at`: at most one write per minute and key, instead of one per request."""


def hash_key(key: str) -> bytes:
    """Return the SHA-256 under which a key is stored."""
    return hashlib.sha256(key.encode()).digest()


@dataclass(frozen=True, slots=True)
class CallerKey:
    """The columns of a key that a request needs. scopes: values of `vocabulary.Scope`."""

    id: UUID
    application_id: UUID
    application_name: str
    scopes: Sequence[str]
    last_used_at: datetime | None
    rate_limit: str | None
    daily_quota: int | None
    prefix: str

    @property
    def is_test(self) -> bool:
        """See `ApiKey.is_test`."""
        return self.prefix.startswith(TEST_PREFIX)


_FIND_CALLER_KEY = (
    select(
        ApiKey.id,
        ApiKey.application_id,
        Application.name,
        ApiKey.scopes,
        ApiKey.last_used_at,
        ApiKey.rate_limit,
        ApiKey.daily_quota,
        ApiKey.prefix,
    )
    .join(Application, Application.id == ApiKey.application_id)
    .where(
        ApiKey.key_hash == bindparam("key_hash"),
        ApiKey.revoked_at.is_(None),
        or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > bindparam("now", type_=ApiKey.expires_at.type)),
    )
)


def find_caller_key(connection: Connection, key: str) -> CallerKey | None:
    """Return the valid key, or None if it is unknown, revoked or expired.

    Queried for every request, so that a revoked key is refused at once.
    """
    found = connection.execute(_FIND_CALLER_KEY, {"key_hash": hash_key(key), "now": utcnow()}).first()
    return None if found is None else CallerKey(*found)


def is_use_recorded(key: CallerKey) -> bool:
    """Return whether `last_used_at` is recent enough to keep."""
    return key.last_used_at is not None and utcnow() - key.last_used_at < _LAST_USED_GRAIN


def record_use(session: Session, key_id: UUID) -> None:
    """Set a key's `last_used_at` to now."""
    key = session.get(ApiKey, key_id)
    if key is not None:
        key.last_used_at = utcnow()
