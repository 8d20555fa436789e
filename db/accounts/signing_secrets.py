"""Secrets that sign webhook calls, in the Standard Webhooks format."""

import base64
import secrets
from datetime import datetime

from db.core.types import utcnow

LONGEST_OVERLAP_S = 7 * 24 * 3600
"""Longest overlap, in which a rotated secret or key stays valid beside the new one."""


def make_secret() -> str:
    """Create a secret of 192 random bits, as `whsec_` and base64."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()


def list_valid(secret: str, previous: str | None, previous_until: datetime | None) -> list[str]:
    """List the secrets that sign now: the current one, and the previous one during the overlap."""
    if previous is None or previous_until is None or previous_until <= utcnow():
        return [secret]
    return [secret, previous]
