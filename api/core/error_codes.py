"""Every error that the API answers with: its stable code, HTTP status, title and meaning. Listed in docs/api.md too.

Those of the requests themselves are here; those of the rules are the classes in `db.errors`.
"""

from dataclasses import dataclass
from http import HTTPStatus

import db.errors  # noqa: F401 - defines them
from db.core.errors import list_domain_errors

PROBLEM_JSON = "application/problem+json"
"""The media type of every error."""


@dataclass(frozen=True)
class ErrorKind:
    """One kind of error. The code never changes; the title is the same for all errors of the kind."""

    code: str
    status: HTTPStatus
    title: str
    meaning: str


_OF_REQUESTS = (
    # The request
    ErrorKind("bad_request", HTTPStatus.BAD_REQUEST, "Bad request", "The request is not well-formed HTTP."),
    ErrorKind(
        "invalid_request",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Invalid request",
        "A parameter, form field or header has a value that isn't allowed. `errors` names each with the reason.",
    ),
    ErrorKind(
        "body_too_large",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "Body too large",
        "The body of a request without photos has more bytes than the service accepts.",
    ),
    ErrorKind(
        "request_timeout",
        HTTPStatus.REQUEST_TIMEOUT,
        "Request too slow",
        "The headers or the body of the request took too long to arrive. Nothing was stored.",
    ),
    ErrorKind(
        "unauthorized",
        HTTPStatus.UNAUTHORIZED,
        "API key needed",
        "The request carries no valid API key. Send one as `Authorization: Bearer emo_...`.",
    ),
    ErrorKind(
        "scope_missing",
        HTTPStatus.FORBIDDEN,
        "Scope missing",
        "The key is valid, but none of its scopes allows this. `emoscope key create --scope` makes one that may.",
    ),
    ErrorKind(
        "not_found",
        HTTPStatus.NOT_FOUND,
        "Not found",
        "There is nothing at this address, or it belongs to another application, or it was erased.",
    ),
    ErrorKind(
        "method_not_allowed",
        HTTPStatus.METHOD_NOT_ALLOWED,
        "Method not allowed",
        "The address exists, but not for this method. `Allow` names those that it takes.",
    ),
    ErrorKind(
        "http_error",
        HTTPStatus.BAD_REQUEST,
        "Request refused",
        "Another HTTP error; the status and `detail` say which.",
    ),
    ErrorKind(
        "rate_limited",
        HTTPStatus.TOO_MANY_REQUESTS,
        "Too many requests",
        "The key has made as many requests as it may for now. `Retry-After` says how many seconds to wait.",
    ),
    ErrorKind(
        "quota_exceeded",
        HTTPStatus.TOO_MANY_REQUESTS,
        "Quota used up",
        "The key has submitted as many photos as it may on a day (UTC). `Retry-After` says how many seconds are left of the day.",
    ),
    # The photo
    ErrorKind(
        "photo_missing",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Photo missing",
        "The form has no file field named `image`.",
    ),
    ErrorKind("empty_photo", HTTPStatus.UNPROCESSABLE_ENTITY, "Empty photo", "The photo has no bytes."),
    ErrorKind(
        "photo_too_large",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "Photo too large",
        "The photo, or the whole batch, has more bytes than the service accepts.",
    ),
    ErrorKind(
        "not_a_picture",
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "Not a picture",
        "The content is none of JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC and AVIF. Neither name nor Content-Type matter.",
    ),
    ErrorKind(
        "broken_picture",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Broken picture",
        "The content begins like a picture, but its header can't be read, or rows of pixels are missing.",
    ),
    ErrorKind(
        "too_many_pixels",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Too many pixels",
        "The picture's width times height is more than the service accepts, or a side is longer than 1,000,000 pixels.",
    ),
    ErrorKind(
        "too_much_memory",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Too much memory",
        "Decoding the picture would take more memory than the service gives it. A smaller picture or a baseline JPEG takes less.",
    ),
    ErrorKind(
        "too_many_photos",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Too many photos",
        "The form has more photos than the call takes: one for a job, `EMOSCOPE_MAX_BATCH_PHOTOS` for a batch.",
    ),
    # The job
    ErrorKind(
        "no_result",
        HTTPStatus.CONFLICT,
        "No result",
        "The job has not succeeded, or not yet, so there are no faces to draw.",
    ),
    # Reviews and training
    ErrorKind(
        "session_needed",
        HTTPStatus.FORBIDDEN,
        "Session needed",
        "This is about the person who is signed in to the pages, so it takes their session and no API key.",
    ),
    ErrorKind(
        "wrong_password",
        HTTPStatus.FORBIDDEN,
        "Wrong password",
        "The present password is another one. Nothing was changed; too many wrong ones lock the name for a while.",
    ),
    ErrorKind(
        "account_locked",
        HTTPStatus.TOO_MANY_REQUESTS,
        "Account locked",
        "Too many wrong passwords were tried for this name from this address. `Retry-After` says how many seconds to wait.",
    ),
    # The service
    ErrorKind(
        "database_unavailable",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Database unavailable",
        "The database doesn't answer, or is too busy. Try again; with an `Idempotency-Key` nothing happens twice.",
    ),
    ErrorKind(
        "drawing_busy",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Too many pictures",
        "As many pictures are drawn as may be at once. Try again in some seconds.",
    ),
    ErrorKind(
        "server_busy",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Service busy",
        "All threads are busy, or there is no room for another upload. Nothing was stored; try again in some seconds.",
    ),
    ErrorKind(
        "not_ready",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Not ready",
        "A part that the service needs is missing. `checks` says which, and why.",
    ),
    ErrorKind(
        "internal_error",
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Internal error",
        "Something went wrong that nobody foresaw. Give `request_id` to whoever runs the service: it is in the log.",
    ),
)

ERROR_KINDS: dict[str, ErrorKind] = {
    **{kind.code: kind for kind in _OF_REQUESTS},
    **{error.code: ErrorKind(error.code, error.status, error.title, error.meaning) for error in list_domain_errors()},
}
