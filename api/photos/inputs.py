"""Photos in JSON: as a URL that the service fetches, or in base64."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from flask import request
from pydantic import BaseModel, Field, ValidationError

from api.core.errors import Problem, explain_validation, make_invalid_request
from api.core.fields import JsonBody
from api.jobs.options import OptionFields, Unset
from api.photos.uploads import Photo, check_photo, clean_filename
from db.core.outgoing import MAX_URL_CHARACTERS, RefusedUrl, read_destination
from emoscope.settings import Settings

MAX_JSON_BYTES = 12_000_000
"""Limit of a body with photos in base64, which is held in memory three times: as text, as parsed JSON, and as bytes."""

Body = TypeVar("Body", bound=JsonBody)


class PhotoFields(BaseModel):
    """A photo, either as a URL or in base64."""

    image_url: Annotated[str, Field(max_length=MAX_URL_CHARACTERS)] | Unset = Field(
        default=None,
        description="URL from which the service fetches the photo: `http` or `https`, on a public host, with at most three "
        "redirects.",
        examples=["https://example.com/team.jpg"],
    )
    image_base64: str | Unset = Field(
        default=None, description="The photo's bytes in base64 (RFC 4648); `data:` URLs are accepted too."
    )
    filename: Annotated[str, Field(max_length=1000)] | Unset = Field(
        default=None, description="A file name for it.", examples=["team.jpg"]
    )


class PhotoInput(PhotoFields, JsonBody):
    """One photo of a batch."""


class JobBody(PhotoFields, OptionFields, JsonBody):
    """One photo, with the options of its job."""


@dataclass(frozen=True)
class SentPhoto:
    """A photo as it was sent. photo: what its header says; None if it is still to be fetched from `source_url`.

    read: returns its bytes. mark: identifies it in the fingerprint of a request.
    """

    photo: Photo | None
    read: Callable[[], bytes]
    filename: str | None
    source_url: str | None = None

    @property
    def mark(self) -> str:
        """Hex SHA-256 of the bytes, or the URL."""
        return self.source_url or (self.photo.sha256 if self.photo else "")


def is_json() -> bool:
    """Return whether the photos are sent as JSON."""
    return request.mimetype == "application/json"


def read_json_body(kind: type[Body]) -> Body:
    """Return the JSON body of this request. Raises Problem `invalid_request` or `bad_request`; RequestEntityTooLarge."""
    request.max_content_length = MAX_JSON_BYTES
    try:
        return kind.model_validate(request.get_json())
    except ValidationError as error:
        raise explain_validation(error, "json") from error


def read_input(given: PhotoFields, settings: Settings) -> SentPhoto:
    """Check a photo of a JSON body. Raises Problem `invalid_request`, or as check_photo does."""
    filename = clean_filename(given.filename)
    if (given.image_url is None) == (given.image_base64 is None):
        raise _refuse("image_url", "give either image_url or image_base64")
    if given.image_url is not None:
        try:
            read_destination(
                given.image_url, allows_private=settings.fetch_private_hosts, ports=settings.fetch_port_ranges
            )
        except RefusedUrl as error:
            raise _refuse("image_url", str(error)) from error
        return SentPhoto(None, lambda: b"", filename, given.image_url)
    text = given.image_base64 or ""
    data = _decode(text)
    return SentPhoto(check_photo(data, filename, settings), lambda: _decode(text), filename)


def _decode(text: str) -> bytes:
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _refuse("image_base64", "must be base64") from error


def _refuse(field: str, reason: str) -> Problem:
    errors: list[dict[str, Any]] = [{"in": "json", "field": field, "reason": reason}]
    return make_invalid_request(errors)
