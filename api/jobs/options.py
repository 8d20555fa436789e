"""Options of a submission, as form fields or query parameters. Form fields take precedence."""

import hashlib
import json
from collections.abc import Iterable
from typing import Annotated, Any, TypeVar

from flask import request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.json_schema import SkipJsonSchema

from api.core.checked_request import refuse_repeated
from api.core.errors import explain_validation, make_invalid_request
from api.core.fields import TextFields
from api.photos.uploads import is_form
from db.core.outgoing import MAX_URL_CHARACTERS, RefusedUrl, read_destination
from db.core.vocabulary import Detector, Priority
from emoscope.settings import Settings

_LONGEST_DEADLINE_S = 7 * 24 * 3600

_FIRST_OPTIONS = frozenset({"detector", "min_face_px", "priority", "photo_retention_s", "deadline_s", "callback_url"})
"""Options of the first release. Its fingerprints contain them even if they aren't given."""

Unset = SkipJsonSchema[None]
"""An option that isn't given. Clients can't send it, so the documented type leaves it out."""


class OptionFields(BaseModel):
    """Options of a job."""

    detector: Detector | Unset = Field(
        default=None, description="Face detector. Default: the service's setting.", examples=["blazeface"]
    )
    min_face_px: Annotated[int, Field(ge=8, le=10_000)] | Unset = Field(
        default=None, description="Minimum side of a face, in pixels of the photo.", examples=[40]
    )
    priority: Priority = Field(
        default=Priority.INTERACTIVE,
        description="`interactive` if somebody is waiting. `bulk` jobs are processed when no interactive job is queued.",
    )
    photo_retention_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] | Unset = Field(
        default=None,
        description="Seconds for which the photo is kept after the job has ended; 0 deletes it at once. Maximum and default: the "
        "service's setting.",
        examples=[0],
    )
    deadline_s: Annotated[float, Field(gt=0, le=_LONGEST_DEADLINE_S, allow_inf_nan=False)] | Unset = Field(
        default=None,
        description="Seconds after which the job is canceled if no worker has started it.",
        examples=[30],
    )
    callback_url: Annotated[str, Field(max_length=MAX_URL_CHARACTERS)] | Unset = Field(
        default=None,
        description="URL that gets a signed POST in the Standard Webhooks form when the job has ended.",
        examples=["https://example.com/emoscope"],
    )


class JobOptions(OptionFields, TextFields):
    """Options of a job, or of every job of a batch."""

    model_config = ConfigDict(frozen=True)

    def make_fingerprint(self, photos: Iterable[str]) -> str:
        """Return the hex SHA-256 of everything that the request asks for. photos: hex SHA-256 of each photo.

        A later option counts only if it is given, so that a request repeated after an upgrade has the fingerprint of the first.
        """
        options = self.model_dump(mode="json")
        asked = {"photos": list(photos)} | {
            name: value for name, value in options.items() if value is not None or name in _FIRST_OPTIONS
        }
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


Options = TypeVar("Options", bound=JobOptions)


class SubmitHeaders(BaseModel):
    """Headers that change what a submission does."""

    emoscope_test: str | Unset = Field(
        default=None,
        description="Only with a test key: how to answer. `faces=happy,sad`, `faces=` for none, `failed=CODE`, `error=CODE`, "
        "`slow=SECONDS` or `never`. Without it the photo's digest decides.",
        examples=["faces=happy,sad"],
    )

    idempotency_key: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[ -~]+$")] | Unset = Field(
        default=None,
        description="Any text. Repeating the same request with the same key returns the first job; a different request with it is "
        "refused.",
        examples=["photo-4711"],
    )


def read_options(query: Options, settings: Settings, json_body: OptionFields | None = None) -> Options:
    """Merge the fields of the form or JSON body into the options of the query, and check them against the service's limits.

    Raises Problem `invalid_request`.
    """
    form: dict[str, Any] = {}
    if is_form():
        refuse_repeated("form", request.form)
        form = {name: value for name, value in request.form.items() if value != ""}
    elif json_body is not None:
        form = json_body.model_dump(include=set(OptionFields.model_fields), exclude_unset=True)
    try:
        asked = type(query).model_validate(query.model_dump(exclude_unset=True) | form)
    except ValidationError as error:
        raise explain_validation(error, "form") from error
    errors = []
    if asked.photo_retention_s is not None and asked.photo_retention_s > settings.photo_retention_s:
        reason = f"may be at most {settings.photo_retention_s:g}, which is how long this service keeps photos"
        errors.append({"in": "options", "field": "photo_retention_s", "reason": reason})
    if asked.callback_url is not None:
        try:
            read_destination(
                asked.callback_url,
                allows_private=settings.callback_private_hosts,
                ports=settings.callback_port_ranges,
            )
        except RefusedUrl as error:
            errors.append({"in": "options", "field": "callback_url", "reason": str(error)})
    if errors:
        raise make_invalid_request(errors)
    return asked
