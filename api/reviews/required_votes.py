"""A changed number of votes that a label needs to teach: faces reviewed before it are asked about again."""

import threading

from db.core.session import Database
from db.reviews.required_votes import list_unsettled, settle_anew

_FACES_A_TRANSACTION = 500


class LeastVotes:
    """Brings the review queue in line with the setting, once a process: a setting changes with a new start."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_applied = False

    def apply(self, database: Database, least_votes: int) -> None:
        """Call it before faces are handed out. The first call reads the reviewed faces, and changes those that don't fit."""
        with self._lock:
            if self._is_applied:
                return
            with database.read() as session:
                found = list_unsettled(session, least_votes)
            for start in range(0, len(found), _FACES_A_TRANSACTION):
                with database.write() as session:
                    settle_anew(session, found[start : start + _FACES_A_TRANSACTION], least_votes)
            self._is_applied = True
