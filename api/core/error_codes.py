"""Every error of the API: its stable code, HTTP status, title and meaning. Also listed in docs/api.md.

Errors of requests are here; errors of the domain are classes in `db.errors`.
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
        "A parameter, form field or header has an invalid value. `errors` lists each with the reason.",
    ),
    ErrorKind(
        "body_too_large",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "Body too large",
        "The body of a request without photos is larger than the service accepts.",
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
        "The key is valid, but its scopes don't allow this call. `emoscope key create --scope` makes a key with "
        "other scopes.",
    ),
    ErrorKind(
        "not_found",
        HTTPStatus.NOT_FOUND,
        "Not found",
        "There is nothing at this address, it belongs to another application, or it was erased.",
    ),
    ErrorKind(
        "method_not_allowed",
        HTTPStatus.METHOD_NOT_ALLOWED,
        "Method not allowed",
        "This address doesn't support the method. `Allow` lists those that it supports.",
    ),
    ErrorKind(
        "http_error",
        HTTPStatus.BAD_REQUEST,
        "Request refused",
        "Another HTTP error. Its status and `detail` say which.",
    ),
    ErrorKind(
        "rate_limited",
        HTTPStatus.TOO_MANY_REQUESTS,
        "Too many requests",
        "The key has reached its rate limit. `Retry-After` says how many seconds to wait.",
    ),
    ErrorKind(
        "quota_exceeded",
        HTTPStatus.TOO_MANY_REQUESTS,
        "Quota used up",
        "The key has reached its daily quota of photos. `Retry-After` says how many seconds are left of the day (UTC).",
    ),
    # The photo
    ErrorKind(
        "photo_missing",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Photo missing",
        "The form has no file field named `image`.",
    ),
    ErrorKind("empty_photo", HTTPStatus.UNPROCESSABLE_ENTITY, "Empty photo", "The photo is empty."),
    ErrorKind(
        "photo_too_large",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "Photo too large",
        "The photo, or the batch as a whole, is larger than the service accepts.",
    ),
    ErrorKind(
        "not_a_picture",
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "Not a picture",
        "The content is not a JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC or AVIF. File name and Content-Type don't matter.",
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
        "The picture has more pixels than the service accepts, or a side is longer than 1,000,000 pixels.",
    ),
    ErrorKind(
        "too_much_memory",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Too much memory",
        "Decoding the picture would take more memory than the service allows. A smaller picture or a baseline JPEG"
        " takes less.",
    ),
    ErrorKind(
        "too_many_photos",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Too many photos",
        "The form has too many photos: a job takes one, a call on a batch `EMOSCOPE_MAX_BATCH_PHOTOS`.",
    ),
    # The job
    ErrorKind(
        "no_result",
        HTTPStatus.CONFLICT,
        "No result",
        "The job hasn't succeeded, or not yet, so there are no faces to draw.",
    ),
    # Reviews and training
    ErrorKind(
        "session_needed",
        HTTPStatus.FORBIDDEN,
        "Session needed",
        "This call is about the signed-in user. It needs the user's session and takes no API key.",
    ),
    ErrorKind(
        "wrong_password",
        HTTPStatus.FORBIDDEN,
        "Wrong password",
        "The current password is wrong. Nothing was changed. Too many wrong passwords lock the account for a while.",
    ),
    ErrorKind(
        "account_locked",
        HTTPStatus.TOO_MANY_REQUESTS,
        "Account locked",
        "Too many wrong passwords were tried for this name from this address. `Retry-After` says how many seconds "
        "to wait.",
    ),
    # The service
    ErrorKind(
        "database_unavailable",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Database unavailable",
        "The database doesn't answer or is too busy. Try again; with an `Idempotency-Key` nothing is done twice.",
    ),
    ErrorKind(
        "drawing_busy",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Too many pictures",
        "Too many pictures are being drawn at the same time. Try again in a few seconds.",
    ),
    ErrorKind(
        "server_busy",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Service busy",
        "All threads are busy, or there is no room for another upload. Nothing was stored; try again in a few seconds.",
    ),
    ErrorKind(
        "not_ready",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Not ready",
        "Something that the service needs is missing. `checks` says what, and why.",
    ),
    ErrorKind(
        "internal_error",
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Internal error",
        "An unexpected error. Give `request_id` to the operator of the service: it is in the log.",
    ),
)

ERROR_KINDS: dict[str, ErrorKind] = {
    **{kind.code: kind for kind in _OF_REQUESTS},
    **{error.code: ErrorKind(error.code, error.status, error.title, error.meaning) for error in list_domain_errors()},
}
