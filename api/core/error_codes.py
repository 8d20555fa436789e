"""Every error that the API answers with: its stable code, HTTP status, title and meaning. Listed in docs/api.md too."""

from dataclasses import dataclass
from http import HTTPStatus

PROBLEM_JSON = "application/problem+json"
"""The media type of every error."""


@dataclass(frozen=True)
class ErrorKind:
    """One kind of error. The code never changes; the title is the same for all errors of the kind."""

    code: str
    status: HTTPStatus
    title: str
    meaning: str


_ALL = (
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
        "idempotency_conflict",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Idempotency-Key used before",
        "The same `Idempotency-Key` came earlier with another photo or other options.",
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
        "The picture's width times height is more than the service accepts, whatever the size of its file.",
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
        "queue_full",
        HTTPStatus.TOO_MANY_REQUESTS,
        "Queue full",
        "As many jobs wait as may wait. `Retry-After` says how many seconds to wait before trying again.",
    ),
    ErrorKind(
        "invalid_transition",
        HTTPStatus.CONFLICT,
        "Job has ended",
        "The job can't be canceled, because it has ended.",
    ),
    ErrorKind(
        "no_result",
        HTTPStatus.CONFLICT,
        "No result",
        "The job has not succeeded, or not yet, so there are no faces to draw.",
    ),
    ErrorKind(
        "photo_gone",
        HTTPStatus.GONE,
        "Photo gone",
        "The photo was deleted, because its retention time is over. Crops and results stay until the job is erased.",
    ),
    ErrorKind(
        "unknown_model_version",
        HTTPStatus.NOT_FOUND,
        "Unknown model version",
        "There is no model version of that number, or none in service yet.",
    ),
    # Reviews and training
    ErrorKind(
        "unknown_face",
        HTTPStatus.NOT_FOUND,
        "Unknown face",
        "There is no such face, or it was erased with its job.",
    ),
    ErrorKind(
        "nothing_to_roll_back",
        HTTPStatus.CONFLICT,
        "Nothing to roll back",
        "The version in service is the first one; none was there before it.",
    ),
    ErrorKind(
        "champion_changed",
        HTTPStatus.CONFLICT,
        "Champion changed",
        "Another version is in service, or was before it, than the rollback names.",
    ),
    ErrorKind(
        "already_in_service",
        HTTPStatus.CONFLICT,
        "Already in service",
        "The version is in service, so it can't run in shadow mode beside itself.",
    ),
    ErrorKind(
        "no_challenger",
        HTTPStatus.NOT_FOUND,
        "No challenger",
        "No version runs in shadow mode.",
    ),
    ErrorKind(
        "unknown_training_run",
        HTTPStatus.NOT_FOUND,
        "Unknown training run",
        "There is no training run of that id.",
    ),
    ErrorKind(
        "training_run_active",
        HTTPStatus.CONFLICT,
        "Training run active",
        "A training run waits or goes on already, and there is one at a time. `detail` names it.",
    ),
    ErrorKind(
        "training_run_ended",
        HTTPStatus.CONFLICT,
        "Training run has ended",
        "The training run can't be canceled, because it has ended.",
    ),
    ErrorKind(
        "retraining_impossible",
        HTTPStatus.CONFLICT,
        "No run possible",
        "No prepared dataset is configured (name one in `EMOSCOPE_DATASET_CSV`), or no version is in service to compare with.",
    ),
    ErrorKind("unknown_user", HTTPStatus.NOT_FOUND, "Unknown user", "There is no person of that name."),
    ErrorKind(
        "invalid_user",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Invalid user",
        "The name is taken or can't be one, or the password is too short or too long; `detail` says which.",
    ),
    ErrorKind(
        "session_needed",
        HTTPStatus.FORBIDDEN,
        "Session needed",
        "This is about the person who is signed in to the pages, so it takes their session and no API key.",
    ),
    ErrorKind("unknown_session", HTTPStatus.NOT_FOUND, "Unknown session", "The person has no session of that id."),
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
        "Too many wrong passwords were tried for this name. `Retry-After` says how many seconds to wait.",
    ),
    ErrorKind(
        "last_administrator",
        HTTPStatus.CONFLICT,
        "Last administrator",
        "Nobody else who can sign in is an administrator, so this one can't be shut out or given another role.",
    ),
    # The service
    ErrorKind(
        "blob_damaged",
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Stored photo damaged",
        "The stored photo is not what was submitted.",
    ),
    ErrorKind(
        "blob_store_unavailable",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Blob store unavailable",
        "The store that holds the photos doesn't answer. Nothing was accepted; try again.",
    ),
    ErrorKind(
        "database_unavailable",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Database unavailable",
        "The database doesn't answer, or is too busy. Try again; with an `Idempotency-Key` nothing happens twice.",
    ),
    ErrorKind(
        "storage_full",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "No room left",
        "There is no room left where the service keeps its data. Nothing was accepted or changed; reading goes on. Try again.",
    ),
    ErrorKind(
        "drawing_busy",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Too many pictures",
        "As many pictures are drawn as may be at once. Try again in some seconds.",
    ),
    ErrorKind(
        "passwords_busy",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Too many passwords",
        "As many passwords are hashed as may be at once. Nothing was changed; try again in some seconds.",
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

ERROR_KINDS: dict[str, ErrorKind] = {kind.code: kind for kind in _ALL}
