"""Which addresses a callback may go to. The worker looks again at delivery, when the name has become an address."""

import ipaddress
from urllib.parse import urlsplit

_LONGEST_LABEL = 63
"""Characters between two dots of a name (RFC 1035)."""
_LOCAL_NAMES = ("localhost", ".localhost", ".local", ".internal")


def check_callback_url(url: str, *, may_be_private: bool) -> None:
    """Accept an http or https URL of a public host. may_be_private: also one of this machine or its network.

    Raises ValueError with the reason.
    """
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("must be a plain URL; write other characters in their %-encoded form")
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"}:
        raise ValueError("must begin with https:// or http://")
    if not parts.hostname:
        raise ValueError("must name a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not carry a user name or password; callbacks are signed instead")
    try:
        _ = parts.port
    except ValueError:
        raise ValueError("must name a port from 0 to 65535, or none") from None
    if not _is_host_name(parts.hostname):
        raise ValueError("must name a host whose parts between dots have 1 to 63 characters")
    if not may_be_private and _is_private(parts.hostname):
        raise ValueError("must be a public host, since private and loopback addresses are not called from here")


def _is_host_name(host: str) -> bool:
    """Whether it can be looked up at all; an IPv6 address has no dots to part it."""
    return all(0 < len(part) <= _LONGEST_LABEL for part in host.removesuffix(".").split("."))


def _is_private(host: str) -> bool:
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(_LOCAL_NAMES):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return not (mapped or address).is_global
