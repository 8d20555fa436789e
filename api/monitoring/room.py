"""Whether photos can be stored, cached between polls of /readyz."""

import threading
from time import monotonic

from db.core.blobs import BlobStore, BlobStoreUnavailable

_FOLDER_S = 0.0
_S3_S = 30.0
"""Seconds for which a successful check is cached. Each check is a paid request at S3."""


class Room:
    """Checks the store by writing a small blob. Thread-safe; one thread checks while the others wait for its result."""

    def __init__(self, blobs: BlobStore, *, is_remote: bool) -> None:
        self._blobs = blobs
        self._valid_s = _S3_S if is_remote else _FOLDER_S
        self._lock = threading.Lock()
        self._asked_at = float("-inf")
        self._problem: BlobStoreUnavailable | None = None

    def check(self) -> None:
        """Raise BlobStoreFull or another BlobStoreUnavailable if no photo can be stored. Failures aren't cached."""
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
