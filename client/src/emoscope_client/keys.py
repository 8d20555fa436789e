"""API keys and their usage, as the API returns them."""

from datetime import date, datetime
from typing import TypedDict

from emoscope_client.result import Result
from emoscope_client.vocabulary import Purpose, Scope


class Key(Result):
    """An API key, named by its first characters; the rest isn't stored.

    expires_at, rate_limit, daily_quota: None for no expiry, the setting's limit, no quota. last_used_at: precise to a minute.
    """

    prefix: str
    application: str
    purpose: Purpose | None
    scopes: tuple[Scope, ...]
    description: str | None
    created_at: datetime
    expires_at: datetime | None
    rate_limit: str | None
    daily_quota: int | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class KeyMade(Result):
    """A new key. It is shown only once."""

    key: str


class KeyList(Result):
    """All keys, oldest first."""

    items: tuple[Key, ...]


class Usage(Result):
    """Usage of a key on one day (UTC). errors: requests answered with status 400 or above."""

    key: str
    application: str
    day: date
    requests: int
    photos: int
    faces: int
    bytes: int
    errors: int


class UsageList(Result):
    """A page of usage by key and day, latest day first. Counts are up to ten seconds old. next: URL of the next page; None on the
    last.
    """

    items: tuple[Usage, ...]
    next: str | None


class KeyTerms(TypedDict, total=False):
    """Limits of a key. None or missing means no limit.

    expires_at: a datetime with a time zone.
    rate_limit: such as `60/minute`.
    daily_quota: photos per day (UTC).
    """

    description: str | None
    expires_at: datetime | None
    rate_limit: str | None
    daily_quota: int | None


def describe_terms(terms: KeyTerms) -> dict[str, object]:
    """Convert the terms to JSON."""
    found: dict[str, object] = {name: value for name, value in terms.items() if value is not None}
    expires_at = terms.get("expires_at")
    return {**found, "expires_at": expires_at.isoformat()} if expires_at is not None else found
