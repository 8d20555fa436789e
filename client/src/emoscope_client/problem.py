"""What the API says when it refuses."""

from emoscope_client.result import Result


class FieldError(Result):
    """One value that isn't allowed. in_: where it was: `query`, `form` or `headers`."""

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
