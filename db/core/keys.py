"""Keys that sort by the time of their making (UUIDv7), so that a stretch of time is a stretch of the primary key's index."""

from datetime import datetime
from uuid import UUID


def first_key(moment: datetime, shift_s: float = 0) -> UUID:
    """The least UUIDv7 of a moment, moved by `shift_s` seconds (RFC 9562, 5.7). Before 1970 it is the least of all."""
    return UUID(int=max(0, int((moment.timestamp() + shift_s) * 1000)) << 80)
