"""The exceptions of the client. Each has a stable `code`."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emoscope_client.batches import Batch
    from emoscope_client.jobs import Job
    from emoscope_client.problem import Problem


class EmoscopeError(Exception):
    """The base class of all exceptions of the client. `code` is stable; the message is for people."""

    code = "client_error"


class NoAddress(EmoscopeError):
    """No address or no API key was given, and no service was found on this machine."""

    code = "no_address"


class InvalidAddress(EmoscopeError):
    """The address is not an HTTP URL, or the API key has invalid characters."""

    code = "invalid_address"


class ServiceUnreachable(EmoscopeError):
    """The API did not answer, after all attempts.

    may_be_done: whether the service may have executed the request although its response was lost.
    """

    code = "service_unreachable"

    def __init__(self, message: str, *, may_be_done: bool = False) -> None:
        super().__init__(message)
        self.may_be_done = may_be_done


class UnexpectedAnswer(EmoscopeError):
    """The response is not one of this API: another program may listen at this address."""

    code = "unexpected_answer"


class WaitTimeout(EmoscopeError):
    """The job or batch had not ended when the time was up. It continues: wait again, or cancel it.

    job, batch: as last read; None if it was never read. The cause is the last failure to reach the API, if any.
    """

    code = "wait_timeout"

    def __init__(self, message: str, *, job: "Job | None" = None, batch: "Batch | None" = None) -> None:
        super().__init__(message)
        self.job = job
        self.batch = batch


class ApiError(EmoscopeError):
    """The API returned an error. `code` is the API's own; the service's page Errors lists all codes.

    status: the HTTP status.
    problem: the complete error.
    retry_after_s: seconds after which the API may be called again, or None.
    may_be_done: whether an earlier attempt, whose response was lost, may have executed the request.
    """

    def __init__(self, problem: "Problem", *, retry_after_s: float | None = None, may_be_done: bool = False) -> None:
        super().__init__(problem.detail or problem.title)
        self.problem = problem
        self.status = problem.status
        self.code = problem.code
        self.retry_after_s = retry_after_s
        self.may_be_done = may_be_done


class Unauthorized(ApiError):
    """401: the API key is missing, wrong or revoked."""


class Forbidden(ApiError):
    """403: the API key lacks a scope."""


class NotFound(ApiError):
    """404: it does not exist, or belongs to another application."""


class Conflict(ApiError):
    """409: the request conflicts with the current state."""


class Gone(ApiError):
    """410: the photo was deleted."""


class InvalidRequest(ApiError):
    """400, 413, 415, 422: the request or the photo can't be accepted as it is."""


class TooManyRequests(ApiError):
    """429: the rate limit or the queue's limit is reached, also after all attempts."""


class ServerError(ApiError):
    """5xx: the service can't answer now, also after all attempts."""


ERRORS_BY_STATUS: dict[int, type[ApiError]] = {
    400: InvalidRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    413: InvalidRequest,
    415: InvalidRequest,
    422: InvalidRequest,
    429: TooManyRequests,
}
"""Other statuses: ServerError from 500 up, ApiError for the rest."""
