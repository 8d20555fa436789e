"""Read the photos that a run sends, and the errors of those that it can't send."""

import io
from dataclasses import dataclass
from pathlib import Path

from emoscope_client import Job
from emoscope_client.photos import PhotoSource, is_url

MOST_PHOTO_BYTES = 200_000_000
"""Larger files aren't read: eight times the service's default maximum."""


@dataclass(frozen=True)
class PhotoError:
    """Why a photo has no job. code: the API's, or `unreadable_file` or `erased`."""

    code: str
    detail: str


Outcome = Job | PhotoError
"""An ended job, or why there is none."""


def read_source(name: str, max_bytes: int = MOST_PHOTO_BYTES) -> PhotoSource | PhotoError:
    """Return a photo as the client takes it: its URL, or its name and bytes."""
    if is_url(name):
        return name
    path = Path(name)
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        return PhotoError("unreadable_file", error.strerror or str(error))
    if len(data) > max_bytes:
        return PhotoError("photo_too_large", f"it has more than {max_bytes:,} bytes")
    source = io.BytesIO(data)
    source.name = path.name
    return source
