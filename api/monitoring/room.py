"""Whether photos can be stored, asked by /readyz at every poll, and of the store itself only now and then."""

import threading
from time import monotonic

from db.core.blobs import BlobStore, BlobStoreUnavailable

_FOLDER_S = 0.0
_S3_S = 30.0
"""Seconds for which a good answer of the store counts. Each request costs money at S3."""


class Room:
    """Tries to store a small blob. Safe to use from several threads; one asks, and the others wait for its answer."""

    def __init__(self, blobs: BlobStore, *, is_remote: bool) -> None:
        self._blobs = blobs
        self._valid_s = _S3_S if is_remote else _FOLDER_S
        self._lock = threading.Lock()
        self._asked_at = float("-inf")
        self._problem: BlobStoreUnavailable | None = None

    def check(self) -> None:
        """Raise BlobStoreFull or another BlobStoreUnavailable if no photo can be stored. A problem is looked at again each time."""
        with self._lock:
            if self._problem is not None or monotonic() - self._asked_at >= self._valid_s:
                try:
                    self._blobs.check_room()
                    self._problem = None
                except BlobStoreUnavailable as error:
                    self._problem = error
                self._asked_at = monotonic()
            if self._problem is not None:
                raise self._problem
