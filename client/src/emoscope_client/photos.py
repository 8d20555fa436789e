"""What may be given as a photo."""

from collections.abc import Sequence
from io import BufferedIOBase
from os import PathLike
from pathlib import Path

from emoscope_client.steps import ReadFile, Steps

PhotoSource = bytes | str | PathLike[str] | BufferedIOBase
"""A photo: its bytes, its path, or a file open for reading bytes."""

Upload = tuple[str, tuple[str, bytes]]
"""A form field: its name, and the photo's name and bytes."""


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
