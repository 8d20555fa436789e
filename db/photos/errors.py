"""Why a photo is refused. The API and the workers raise these same errors with these same codes."""


class PhotoError(Exception):
    """A photo that can't be analysed. `code` is stable; the message is for the person who sent it."""

    code = "photo_unreadable"


class NotAPicture(PhotoError):
    """The bytes are of none of the formats that the service reads."""

    code = "not_a_picture"


class BrokenPicture(PhotoError):
    """The file begins like a picture, but its header can't be read or rows of pixels are missing."""

    code = "broken_picture"


class TooManyPixels(PhotoError):
    """The picture has more pixels than the service takes, or its header claims so."""

    code = "too_many_pixels"


class TooMuchMemory(PhotoError):
    """Decoding the picture would take more memory than a worker process may use for it."""

    code = "too_much_memory"


_INTERRUPTIONS = frozenset({"SoftTimeLimitExceeded"})
"""Celery's time limit, by its name, since `db` doesn't import Celery."""


def is_interruption(error: Exception) -> bool:
    """Whether decoding was interrupted. Then the error says nothing of the file."""
    return type(error).__name__ in _INTERRUPTIONS
