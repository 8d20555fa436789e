"""Shared by all operations: requests, JSON responses, and page cursors."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar
from urllib.parse import parse_qs, quote, urlsplit
from uuid import UUID, uuid4

import httpx

from emoscope_client.batches import BatchPage
from emoscope_client.exports import ExportPage
from emoscope_client.jobs import JobPage
from emoscope_client.options import JobOptions, to_params
from emoscope_client.photos import PhotoSource, describe_photos, is_url, read_photos
from emoscope_client.result import Result
from emoscope_client.steps import Call, Patience, Retries, Steps, read_json, send
from emoscope_client.waiting import LONGEST_HOLD_S
from emoscope_client.webhooks import (
    WebhookDeliveryPage,
)

_R = TypeVar("_R", bound=Result)


@dataclass(frozen=True)
class Requests:
    """Requests to the API at an address.

    timeout_s: seconds until a response must arrive, in addition to the time that the API was asked to wait.
    """

    address: str
    retries: Retries
    timeout_s: float

    def _ask(self, kind: type[_R], path: str) -> Steps[_R]:
        """Send a request that may safely be repeated."""
        return kind.from_json(read_json((yield from self._send(Call("POST", path)))))

    def _make_submission(
        self,
        path: str,
        photos: Sequence[PhotoSource],
        options: JobOptions,
        key: str | None,
        wait_s: float,
        *,
        is_batch: bool = False,
    ) -> Steps[Call]:
        """Prepare a submission. It may be repeated, because its Idempotency-Key prevents a second job."""
        headers = {"Idempotency-Key": key or str(uuid4())}
        held_s = math.ceil(min(max(wait_s, 0), LONGEST_HOLD_S))  # only whole seconds are allowed (RFC 7240, 4.3)
        if held_s:
            headers["Prefer"] = f"wait={held_s}"
        if not photos or any(map(is_url, photos)):
            described = yield from describe_photos(photos)
            body: dict[str, object] = {"photos": described} if is_batch else {**described[0]}
            return Call("POST", path, to_params(options), headers, held_s=held_s, json=body)
        files = yield from read_photos(photos)
        return Call("POST", path, to_params(options), headers, files, held_s)

    def _read(
        self, kind: type[_R], path: str, params: Mapping[str, str] | None = None, *, held_s: float = 0
    ) -> Steps[_R]:
        held_s = min(max(held_s, 0), LONGEST_HOLD_S)
        waiting = {"wait": f"{held_s:g}"} if held_s else {}
        call = Call("GET", path, {**(params or {}), **waiting}, held_s=held_s)
        return kind.from_json(read_json((yield from self._send(call))))

    def _post(self, kind: type[_R], path: str, body: Mapping[str, object] | None) -> Steps[_R]:
        """Send a request that must not be repeated, because it would create a second object."""
        call = Call("POST", path, json=body, is_repeatable=False)
        return kind.from_json(read_json((yield from self._send(call))))

    def _send(self, call: Call) -> Steps[httpx.Response]:
        patience = Patience(self.retries.tries, time.monotonic() + self.retries.longest_total_s)
        return self._send_within(call, patience)

    def _send_within(self, call: Call, patience: Patience) -> Steps[httpx.Response]:
        return send(replace(call, timeout_s=self.timeout_s), self.retries, patience, self.address)


def read_cursor(page: JobPage | BatchPage | ExportPage | WebhookDeliveryPage) -> str | None:
    """Return the cursor of the next page, or None after the last.

    Only the query of `next` is used: its path may have a proxy's prefix, which the client's own address has too.
    """
    found = parse_qs(urlsplit(page.next or "").query).get("cursor")
    return found[0] if found else None


def quote_segment(identifier: UUID | str) -> str:
    """Quote an identifier for use in a path."""
    return quote(str(identifier), safe="")
