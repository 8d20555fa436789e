"""Errors of refused photos. API and workers raise the same errors with the same codes."""


class PhotoError(Exception):
    """A photo that can't be analysed. `code` is stable; the message is for the sender."""

    code = "photo_unreadable"


class NotAPicture(PhotoError):
    """The content has none of the supported formats."""

    code = "not_a_picture"


class BrokenPicture(PhotoError):
    """The content starts like a picture, but its header can't be read or rows of pixels are missing."""

    code = "broken_picture"


class TooManyPixels(PhotoError):
    """The picture has, or claims in its header, more pixels than the service accepts."""

    code = "too_many_pixels"


class TooMuchMemory(PhotoError):
    """Decoding the picture would take more memory than a worker process may use for it."""

    code = "too_much_memory"


_INTERRUPTIONS = frozenset({"SoftTimeLimitExceeded"})
"""Celery's time limit exception, by name, because `db` doesn't import Celery."""


def is_interruption(error: Exception) -> bool:
    """Return whether decoding was interrupted, so that the error says nothing about the file."""
    return type(error).__name__ in _INTERRUPTIONS
