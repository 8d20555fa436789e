"""Reads photos from the `image` field of a form or from the body, within the size limit."""

import hashlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import cast

from flask import request
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge

from api.core.checked_request import CheckedRequest
from api.core.errors import Problem, make_invalid_request
from db.photos.errors import PhotoError
from db.photos.header import PictureHeader, read_header
from emoscope.settings import Settings

_FIELD = "image"
_FORM_OVERHEAD_BYTES = 256_000
"""Bytes that a form may have besides its photos: boundaries, headers, options."""

_SPARE_PARTS = 100
"""Maximum number of other fields in a form, and of photos beyond the limit that are still read, so that the error can count them.
"""

_FILENAME_CHARACTERS = 255


@dataclass(frozen=True)
class Photo:
    """An accepted photo: what its header says, its hex SHA-256, its size, and the client's file name."""

    header: PictureHeader
    sha256: str
    byte_count: int
    filename: str | None


def read_photo(settings: Settings) -> tuple[Photo, bytes]:
    """Read the single photo of this request.

    Raises Problem `photo_missing`, `too_many_photos` or `invalid_request`, or as check_photo does; RequestEntityTooLarge above
    settings.max_photo_bytes.
    """
    if not is_form():
        # One byte over the limit: a chunked body is truncated at this length without an error.
        request.max_content_length = settings.max_photo_bytes + 1
        data = request.get_data(cache=False)
        return check_photo(data, None, settings), data
    uploads = _read_form(settings.max_photo_bytes, 1)
    if not uploads:
        raise Problem("photo_missing", f"the form has no file field named `{_FIELD}`")
    if len(uploads) > 1:
        raise Problem("too_many_photos", f"{len(uploads)} photos; a job has one, and `POST /v1/batches` takes many")
    return read_upload(uploads[0], settings)


def list_uploads(settings: Settings) -> list[FileStorage]:
    """Return the photos of a batch, not yet read; larger ones are in temporary files.

    Raises Problem `photo_missing`, `too_many_photos` or `invalid_request`; RequestEntityTooLarge above settings.max_batch_bytes.
    """
    uploads = _read_form(settings.max_batch_bytes, settings.max_batch_photos) if is_form() else []
    if not uploads:
        raise Problem("photo_missing", f"send a multipart form with one `{_FIELD}` file field for each photo")
    if len(uploads) > settings.max_batch_photos:
        detail = f"{len(uploads)} photos; a batch may have at most {settings.max_batch_photos}"
        raise Problem("too_many_photos", detail)
    return uploads


def _read_form(most_bytes: int, most_photos: int) -> list[FileStorage]:
    """Parse the form of this request, including some photos beyond the limit. Raises as list_uploads does."""
    most_length = most_bytes + _FORM_OVERHEAD_BYTES
    request.max_content_length = most_length
    request.max_form_memory_size = _FORM_OVERHEAD_BYTES
    request.max_form_parts = most_photos + 2 * _SPARE_PARTS
    cast("CheckedRequest", request).max_form_files = most_photos + _SPARE_PARTS
    try:
        files = request.files
    except RequestEntityTooLarge as error:
        # Werkzeug raises the same error for a body that is too large, for a text field that is too large, and for too many parts.
        if request.stream.tell() >= most_length:
            raise
        detail = (
            f"the form has a field of more than {_FORM_OVERHEAD_BYTES:,} bytes that is no file, too many fields, or another "
            "boundary than its Content-Type says"
        )
        raise Problem("invalid_request", detail) from error
    other = next((name for name in files if name != _FIELD), None)
    if other is not None and _FIELD not in files:
        raise Problem("photo_missing", f"the form has no file field named `{_FIELD}`, but one named `{other[:50]}`")
    if other is not None:
        reason = f"is a file, and only `{_FIELD}` may be one"
        raise make_invalid_request([{"in": "form", "field": other, "reason": reason}])
    return files.getlist(_FIELD)


def read_upload(upload: FileStorage, settings: Settings) -> tuple[Photo, bytes]:
    """Read one photo of a form from its start. Raises Problem as check_photo does."""
    upload.stream.seek(0)
    data = upload.stream.read(settings.max_photo_bytes + 1)  # one byte over the limit shows that it is exceeded
    return check_photo(data, upload.filename, settings), data


def check_photo(data: bytes, filename: str | None, settings: Settings) -> Photo:
    """Check a photo's size and header.

    Raises Problem `empty_photo`, `photo_too_large`, `not_a_picture`, `broken_picture`, `too_many_pixels` or `too_much_memory`.
    """
    if not data:
        raise Problem("empty_photo", "the photo has no bytes")
    if len(data) > settings.max_photo_bytes:
        raise Problem("photo_too_large", f"a photo may have at most {settings.max_photo_bytes:,} bytes")
    try:
        header = read_header(data, settings.max_photo_pixels, settings.max_decoding_bytes)
    except PhotoError as error:
        raise Problem(error.code, str(error)) from error
    return Photo(header, hashlib.sha256(data).hexdigest(), len(data), clean_filename(filename))


def clean_filename(given: str | None) -> str | None:
    """Return the name without folders and without characters that a database or header doesn't accept. None if nothing is left."""
    if not given:
        return None
    name = PurePosixPath(given.replace("\\", "/")).name
    return "".join(character for character in name if character.isprintable())[:_FILENAME_CHARACTERS] or None


def is_form() -> bool:
    """Return whether the photo is sent in a form. With any other Content-Type the body is the photo."""
    return request.mimetype == "multipart/form-data"
