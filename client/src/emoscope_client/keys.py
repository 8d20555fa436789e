"""API keys, and what is done with them, as the API describes them."""

from datetime import date, datetime
from typing import TypedDict

from emoscope_client.result import Result
from emoscope_client.vocabulary import Purpose, Scope


class Key(Result):
    """An API key, by its first characters: the rest can't be read again.

    expires_at, rate_limit, daily_quota: None if it has no end, the setting's limit, no quota. last_used_at: to the minute.
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
    """A new key. It can't be read again."""

    key: str


class KeyList(Result):
    """All keys, oldest first."""

    items: tuple[Key, ...]


class Usage(Result):
    """What was done with a key on a day (UTC). errors: requests that were answered with 400 or more."""

    key: str
    application: str
    day: date
    requests: int
    photos: int
    faces: int
    bytes: int
    errors: int


class UsageList(Result):
    """Counts by key and day, latest day first. They are up to ten seconds old. next: address of the next page; None on the last."""

    items: tuple[Usage, ...]
    next: str | None


class KeyTerms(TypedDict, total=False):
    """How far a key reaches. What is None, or left out, isn't limited.

    expires_at: a moment with a time zone. rate_limit: such as `60/minute`. daily_quota: photos on a day (UTC).
    """

    description: str | None
    expires_at: datetime | None
    rate_limit: str | None
    daily_quota: int | None


def describe_terms(terms: KeyTerms) -> dict[str, object]:
    """The terms as the API takes them in JSON."""
    found: dict[str, object] = {name: value for name, value in terms.items() if value is not None}
    expires_at = terms.get("expires_at")
    return {**found, "expires_at": expires_at.isoformat()} if expires_at is not None else found
