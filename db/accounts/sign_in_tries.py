"""Counts wrong passwords per name and address, so that attackers can't lock out others.

Each further wrong password doubles the pause. Unknown names are counted too, so that a pause doesn't reveal which names exist.
"""

import hashlib
import ipaddress
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db.accounts.tables import SignInTries
from db.core.types import utcnow
from db.core.upsert import insert_if_new

FREE_ATTEMPTS = 4
"""Wrong passwords without a pause, for typing errors."""

FIRST_PAUSE_S = 30
LONGEST_PAUSE_S = 15 * 60
"""Doubled from the first to the longest; allows about a hundred guesses a day per address."""

FORGET_S = 60 * 60
"""After this long without a try, the count is reset and its row deleted."""

_IPV6_PREFIX = 64
"""A customer gets at least this many addresses, so they count as one."""


class AccountLocked(Exception):
    """Too many wrong passwords for this name from this address, known or not; try again at `until`."""

    code = "account_locked"

    def __init__(self, until: datetime) -> None:
        super().__init__("too many wrong passwords; try again later")
        self.until = until


def count_try(session: Session, name: str, address: str) -> datetime | None:
    """Count a try before its password is checked, so that parallel guesses gain nothing.

    Returns until when the next try must wait if this one fails, or None. Raises AccountLocked.
    """
    tries = _lock_tries(session, name, address)
    now = utcnow()
    if tries.locked_until is not None and tries.locked_until > now:
        raise AccountLocked(tries.locked_until)
    if tries.last_tried_at is None or tries.last_tried_at <= now - timedelta(seconds=FORGET_S):
        tries.failed_attempts = 0
    tries.failed_attempts += 1
    tries.last_tried_at = now
    pause_s = compute_pause_s(tries.failed_attempts)
    tries.locked_until = now + timedelta(seconds=pause_s) if pause_s else None
    return tries.locked_until


def compute_pause_s(failed_attempts: int) -> int:
    """Return the pause in seconds after this many wrong passwords."""
    doublings = failed_attempts - FREE_ATTEMPTS - 1
    return 0 if doublings < 0 else min(FIRST_PAUSE_S * 2 ** min(doublings, 20), LONGEST_PAUSE_S)


def forget_tries(session: Session, name: str, address: str | None = None) -> None:
    """Reset the count of a name, for one address or for all."""
    of_name = SignInTries.name_hash == hash_name(name)
    of_address = SignInTries.address == normalize_address(address) if address is not None else of_name
    session.execute(delete(SignInTries).where(of_name, of_address))


def normalize_address(address: str) -> str:
    """Return the address by which tries are counted: an IPv4 address, or an IPv6 /64 network. Empty for anything else."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, _IPV6_PREFIX), strict=False))


def hash_name(name: str) -> bytes:
    """Return the SHA-256 of a normalized name. Stored hashed because users sometimes type passwords into the name field."""
    return hashlib.sha256(name.strip().lower().encode()).digest()


def _lock_tries(session: Session, name: str, address: str) -> SignInTries:
    """Lock the row of a name and an address; create it if there is none. Deletes expired rows."""
    is_over = SignInTries.last_tried_at <= utcnow() - timedelta(seconds=FORGET_S)
    over = select(SignInTries.id).where(is_over).limit(100).with_for_update(skip_locked=True)
    session.execute(delete(SignInTries).where(SignInTries.id.in_(over)).execution_options(synchronize_session=False))
    name_hash, address = hash_name(name), normalize_address(address)
    insert_if_new(session, SignInTries, name_hash=name_hash, address=address)
    wanted = select(SignInTries).where(SignInTries.name_hash == name_hash, SignInTries.address == address)
    return session.scalars(wanted.with_for_update()).one()
