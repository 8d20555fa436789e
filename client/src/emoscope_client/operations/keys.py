"""API keys: make, change, rotate and revoke them, and read their usage."""

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
    """The operations on API keys."""

    def create_key(
        self,
        application: str,
        *,
        scopes: Sequence[Scope] = ("submit",),
        is_test: bool = False,
        purpose: Purpose | None = None,
        **terms: Unpack[KeyTerms],
    ) -> Steps[KeyMade]:
        """Make an API key for an application, which is made if there is none of that name. Needs the scope `admin`, as all on keys.

        is_test: for a test key, whose jobs are never real. purpose: what the application declares to be used for.
        """
        body = {"application": application, "scopes": list(scopes), "is_test": is_test, **describe_terms(terms)}
        return (yield from self._post(KeyMade, "/v1/keys", body if purpose is None else {**body, "purpose": purpose}))

    def list_keys(self) -> Steps[KeyList]:
        """List API keys, also those revoked."""
        return (yield from self._read(KeyList, "/v1/keys"))

    def change_key(self, prefix: str, **terms: Unpack[KeyTerms]) -> Steps[Key]:
        """Give an API key these terms in place of those it has."""
        call = Call("PUT", f"/v1/keys/{quote_segment(prefix)}", json=describe_terms(terms))
        return Key.from_json(read_json((yield from self._send(call))))

    def rotate_key(self, prefix: str, *, overlap_s: float = 24 * 3600) -> Steps[KeyMade]:
        """Replace an API key by one with the same scopes and terms. Both are valid while the overlap lasts."""
        return (yield from self._post(KeyMade, f"/v1/keys/{quote_segment(prefix)}/rotate", {"overlap_s": overlap_s}))

    def revoke_key(self, prefix: str) -> Steps[None]:
        """End an API key."""
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
        """Read what was done with API keys by day, latest day first: a page of at most 1,000 rows.

        key: the first characters of one. cursor: that of `UsageList.next`, for the page after it.
        """
        days = {"first_day": first_day, "last_day": last_day}
        given = {"key": key, "application": application, **days, "limit": limit, "cursor": cursor}
        return (yield from self._read(UsageList, "/v1/keys/usage", to_params(given)))
