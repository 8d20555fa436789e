"""API keys: create, change, rotate and revoke them, and read their usage."""

from collections.abc import Sequence
from datetime import date
from typing import Unpack

from emoscope_client.errors import NotFound
from emoscope_client.keys import Key, KeyList, KeyMade, KeyTerms, UsageList, describe_terms
from emoscope_client.operations.requests import Requests, quote_segment
from emoscope_client.options import to_params
from emoscope_client.steps import Call, Steps, read_json
from emoscope_client.vocabulary import Purpose, Scope


class KeyOperations(Requests):
    """Operations on API keys."""

    def create_key(
        self,
        application: str,
        *,
        scopes: Sequence[Scope] = ("submit",),
        is_test: bool = False,
        purpose: Purpose | None = None,
        **terms: Unpack[KeyTerms],
    ) -> Steps[KeyMade]:
        """Create an API key for an application, which is created if it doesn't exist. All operations on keys need the scope
        `admin`.

        is_test: whether to create a test key, whose jobs are kept apart from real ones. purpose: the application's declared
        purpose.
        """
        body = {"application": application, "scopes": list(scopes), "is_test": is_test, **describe_terms(terms)}
        return (yield from self._post(KeyMade, "/v1/keys", body if purpose is None else {**body, "purpose": purpose}))

    def list_keys(self) -> Steps[KeyList]:
        """List API keys, including revoked ones."""
        return (yield from self._read(KeyList, "/v1/keys"))

    def change_key(self, prefix: str, **terms: Unpack[KeyTerms]) -> Steps[Key]:
        """Replace all terms of an API key."""
        call = Call("PUT", f"/v1/keys/{quote_segment(prefix)}", json=describe_terms(terms))
        return Key.from_json(read_json((yield from self._send(call))))

    def rotate_key(self, prefix: str, *, overlap_s: float = 24 * 3600) -> Steps[KeyMade]:
        """Replace an API key with a new one with the same scopes and terms. Both are valid until the overlap ends."""
        return (yield from self._post(KeyMade, f"/v1/keys/{quote_segment(prefix)}/rotate", {"overlap_s": overlap_s}))

    def revoke_key(self, prefix: str) -> Steps[None]:
        """Revoke an API key."""
        try:
            yield from self._send(Call("DELETE", f"/v1/keys/{quote_segment(prefix)}"))
        except NotFound as error:
            if not error.may_be_done:
                raise

    def list_key_usage(
        self,
        *,
        key: str | None = None,
        application: str | None = None,
        first_day: date | None = None,
        last_day: date | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Steps[UsageList]:
        """Read the usage of API keys by day, latest day first: a page of at most 1,000 rows.

        key: a key's first characters. cursor: `UsageList.next`'s, for the next page.
        """
        days = {"first_day": first_day, "last_day": last_day}
        given = {"key": key, "application": application, **days, "limit": limit, "cursor": cursor}
        return (yield from self._read(UsageList, "/v1/keys/usage", to_params(given)))
