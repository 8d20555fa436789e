"""What a client may ask for with a photo, as form fields or query parameters; form fields win."""

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated

from flask import request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.json_schema import SkipJsonSchema

from api.callback_urls import check_callback_url
from api.errors import explain_validation, make_invalid_request
from api.uploads import is_form
from db.columns import utcnow
from db.vocabulary import Detector, Priority
from emoscope.settings import Settings

_LONGEST_DEADLINE_S = 7 * 24 * 3600
_LONGEST_KEY = 255

Unset = SkipJsonSchema[None]
"""An option that isn't given. Clients can't write it, so the documented type leaves it out."""


class JobOptions(BaseModel):
    """The options of a job, or of every job of a batch."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    detector: Annotated[
        Detector | Unset,
        Field(description="How faces are found. Default: the service's own choice.", examples=["blazeface"]),
    ] = None
    min_face_px: Annotated[
        int | Unset,
        Field(ge=8, le=10_000, description="Least side of a face, in pixels of the photo.", examples=[40]),
    ] = None
    priority: Annotated[
        Priority,
        Field(description="`interactive` if somebody waits; `bulk` jobs are taken when no interactive job waits."),
    ] = Priority.INTERACTIVE
    photo_retention_s: Annotated[
        float | Unset,
        Field(
            ge=0,
            allow_inf_nan=False,
            description="Seconds that the photo is kept after the job has ended; 0 deletes it at once. "
            "At most, and by default, what the service is set to.",
            examples=[0],
        ),
    ] = None
    deadline_s: Annotated[
        float | Unset,
        Field(
            gt=0,
            le=_LONGEST_DEADLINE_S,
            allow_inf_nan=False,
            description="Seconds after which the job is canceled if no worker has started it.",
            examples=[30],
        ),
    ] = None
    callback_url: Annotated[
        str | Unset,
        Field(
            max_length=2000,
            description="Where to tell that the job has ended: a signed POST in the Standard Webhooks form.",
            examples=["https://example.com/emoscope"],
        ),
    ] = None

    def get_deadline(self) -> datetime | None:
        """The moment after which an unstarted job is canceled, counted from now."""
        return None if self.deadline_s is None else utcnow() + timedelta(seconds=self.deadline_s)

    def make_fingerprint(self, photos: Iterable[str]) -> str:
        """Hex SHA-256 of all that a request asks for. photos: hex SHA-256 of each."""
        asked = {"photos": list(photos), **self.model_dump(mode="json")}
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def read_options(query: JobOptions, settings: Settings) -> JobOptions:
    """Merge the form's fields into the options of the query, and hold them against the service's own limits.

    Raises Problem `invalid_request`.
    """
    form = {name: value for name, value in request.form.items() if value != ""} if is_form() else {}
    try:
        asked = JobOptions.model_validate(query.model_dump(exclude_unset=True) | form)
    except ValidationError as error:
        raise explain_validation(error, "form") from error
    errors = []
    if asked.photo_retention_s is not None and asked.photo_retention_s > settings.photo_retention_s:
        reason = f"may be at most {settings.photo_retention_s:g}, which is how long this service keeps photos"
        errors.append({"in": "options", "field": "photo_retention_s", "reason": reason})
    if asked.callback_url is not None:
        try:
            check_callback_url(asked.callback_url, may_be_private=settings.callback_private_hosts)
        except ValueError as error:
            errors.append({"in": "options", "field": "callback_url", "reason": str(error)})
    if errors:
        raise make_invalid_request(errors)
    return asked


def read_idempotency_key() -> str | None:
    """The `Idempotency-Key` of this request, or None. Raises Problem `invalid_request` if it can't be one."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 0 < len(key) <= _LONGEST_KEY or not key.isascii() or not key.isprintable():
        reason = f"must be 1 to {_LONGEST_KEY} printable ASCII characters"
        raise make_invalid_request([{"in": "headers", "field": "Idempotency-Key", "reason": reason}])
    return key
