"""Photos as arguments."""

from collections.abc import Sequence
from io import BufferedIOBase
from os import PathLike
from pathlib import Path

from emoscope_client.steps import ReadFile, Steps

PhotoSource = bytes | str | PathLike[str] | BufferedIOBase
"""A photo: its bytes, its path, a file open for reading bytes, or a URL (`http://`, `https://`) that the service fetches."""

Upload = tuple[str, tuple[str, bytes]]
"""A form field: its name, and the photo's name and bytes."""


def is_url(photo: PhotoSource) -> bool:
    """Return whether the photo is a URL, which the service fetches."""
    return isinstance(photo, str) and photo.startswith(("http://", "https://"))


def describe_photos(photos: Sequence[PhotoSource]) -> Steps[list[dict[str, str]]]:
    """Convert photos to JSON: URLs unchanged, others in base64. Raises OSError if one can't be read."""
    import base64  # imported late: most programs send files

    described: list[dict[str, str]] = []
    for photo in photos:
        if is_url(photo):
            described.append({"image_url": str(photo)})
        else:
            ((_, (name, data)),) = yield from read_photos([photo])
            described.append({"image_base64": base64.b64encode(data).decode(), "filename": name})
    return described


def read_photos(photos: Sequence[PhotoSource]) -> Steps[list[Upload]]:
    """Read the photos as form fields `image`. Raises OSError if one can't be read."""
    uploads: list[Upload] = []
    for position, photo in enumerate(photos):
        name, data = f"photo-{position}", photo
        if isinstance(data, BufferedIOBase):
            opened = getattr(data, "name", "")
            name = Path(opened).name if isinstance(opened, str) and opened else name
            data = data.read()
        elif not isinstance(data, bytes):
            path = Path(data)
            found = yield ReadFile(path)
            if isinstance(found, OSError):
                raise found
            assert isinstance(found, bytes)
            name, data = path.name, found
        uploads.append(("image", (name, data)))
    return uploads
