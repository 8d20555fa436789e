"""Drawing in turn: two pictures at once, in two threads that do nothing else.

A thread's memory stays with it: where each of the server's threads decoded a picture now and then, each of them kept one.
"""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from api.core.errors import Problem
from api.photos.annotate import Label, draw_labels

_AT_ONCE = 2
"""A photo of the largest size taken needs 0.5 to 1 GB while it is drawn; more than two at once could fill a small machine."""

_LONGEST_WAIT_S = 3.0
"""Long enough for all previews of a page, and short enough that requests which wait leave threads for others."""

_places = threading.BoundedSemaphore(_AT_ONCE)
_pool = ThreadPoolExecutor(_AT_ONCE, "drawing")


def draw_in_turn(read: Callable[[], bytes], upright_width: int, labels: Iterable[Label], max_side: int) -> bytes:
    """Draw as draw_labels does, as soon as there is a place.

    read: gives the photo, in the caller's thread; called with the place taken, so that no photo is held while it waits. Raises
    Problem `drawing_busy` if there is no place within a few seconds, what `read` raises, and UnreadablePicture.
    """
    if not _places.acquire(timeout=_LONGEST_WAIT_S):
        raise Problem("drawing_busy", "too many pictures are drawn at the moment; try again in some seconds")
    try:
        return _pool.submit(draw_labels, read(), upright_width, labels, max_side).result()
    finally:
        _places.release()
