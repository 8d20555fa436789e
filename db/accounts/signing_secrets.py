"""Secrets that sign webhook calls, in the Standard Webhooks form."""

import base64
import secrets
from datetime import datetime

from db.core.types import utcnow

LONGEST_OVERLAP_S = 7 * 24 * 3600
"""How long a secret or key that was rotated may go on being valid beside the new one."""


def make_secret() -> str:
    """A new secret of 192 random bits, as `whsec_` and base64."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()


def list_valid(secret: str, previous: str | None, previous_until: datetime | None) -> list[str]:
    """The secrets that sign now: the present one, and the one before while its overlap lasts."""
    if previous is None or previous_until is None or previous_until <= utcnow():
        return [secret]
    return [secret, previous]
