"""Draws pictures in two dedicated threads.

Freed memory stays with the thread that allocated it, so decoding in the server's threads would make each of them keep some.
"""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from api.core.errors import Problem
from api.photos.annotate import DrawingLimits, Label, draw_labels
from db.photos.decoding_lock import DecodingBusy, DecodingLock
from emoscope.settings import Settings

_AT_ONCE = 2
"""Each takes up to 128 MB. Photos that take more are decoded one at a time on the machine."""

_LONGEST_WAIT_S = 3.0
"""Long enough for all previews of a page, short enough that waiting requests don't use up the threads."""

_places = threading.BoundedSemaphore(_AT_ONCE)
_pool = ThreadPoolExecutor(_AT_ONCE, "drawing")


def draw_in_turn(
    settings: Settings, read: Callable[[], bytes], upright_width: int, labels: Iterable[Label], max_side: int
) -> bytes:
    """Draw as draw_labels does, as soon as a slot is free.

    read: returns the photo; called in the caller's thread once the slot is taken, so that no photo is held while waiting. Raises
    Problem `drawing_busy` if no slot is free within a few seconds, what `read` raises, and UnreadablePicture.
    """
    if not _places.acquire(timeout=_LONGEST_WAIT_S):
        raise Problem("drawing_busy", "too many pictures are being drawn; try again in a few seconds")
    try:
        limits = DrawingLimits(settings.max_decoding_bytes, DecodingLock(settings.data_dir, _LONGEST_WAIT_S))
        return _pool.submit(draw_labels, read(), upright_width, labels, max_side, limits).result()
    except DecodingBusy as error:
        raise Problem("drawing_busy", f"{error}; try again in a few seconds") from error
    finally:
        _places.release()
