"""Errors, as the API returns them."""

from emoscope_client.result import Result


class FieldError(Result):
    """One invalid value. in_: where it was sent: `query`, `form` or `headers`."""

    in_: str
    field: str
    reason: str


class Problem(Result):
    """An error in the form of RFC 9457. code: stable, for programs. request_id: finds the request in the service's log."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str | None
    errors: tuple[FieldError, ...]
