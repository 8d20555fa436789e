"""UUIDv7 keys, which sort by creation time, so that a period is a range of the primary key's index."""

from datetime import datetime
from uuid import UUID


def first_key(moment: datetime, shift_s: float = 0) -> UUID:
    """Return the smallest UUIDv7 of a time, shifted by `shift_s` seconds (RFC 9562, 5.7).

    Times before 1970 give the smallest of all.
    """
    return UUID(int=max(0, int((moment.timestamp() + shift_s) * 1000)) << 80)
