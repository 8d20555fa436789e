"""Drawing in turn: two pictures at once, in two threads that do nothing else.

A thread's memory stays with it: where each of the server's threads decoded a picture now and then, each of them kept one.
"""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from api.core.errors import Problem
from api.photos.annotate import DrawingLimits, Label, draw_labels
from db.photos.decoding_lock import DecodingBusy, DecodingLock
from emoscope.settings import Settings

_AT_ONCE = 2
"""Each takes up to 128 MB. A photo that takes more is drawn while no other such photo is decoded on the machine."""

_LONGEST_WAIT_S = 3.0
"""Long enough for all previews of a page, and short enough that requests which wait leave threads for others."""

_places = threading.BoundedSemaphore(_AT_ONCE)
_pool = ThreadPoolExecutor(_AT_ONCE, "drawing")


def draw_in_turn(
    settings: Settings, read: Callable[[], bytes], upright_width: int, labels: Iterable[Label], max_side: int
) -> bytes:
    """Draw as draw_labels does, as soon as there is a place.

    read: gives the photo, in the caller's thread; called with the place taken, so that no photo is held while it waits. Raises
    Problem `drawing_busy` if there is no place within a few seconds, what `read` raises, and UnreadablePicture.
    """
    if not _places.acquire(timeout=_LONGEST_WAIT_S):
        raise Problem("drawing_busy", "too many pictures are drawn at the moment; try again in some seconds")
    try:
        limits = DrawingLimits(settings.max_decoding_bytes, DecodingLock(settings.data_dir, _LONGEST_WAIT_S))
        return _pool.submit(draw_labels, read(), upright_width, labels, max_side, limits).result()
    except DecodingBusy as error:
        raise Problem("drawing_busy", f"{error}; try again in some seconds") from error
    finally:
        _places.release()
