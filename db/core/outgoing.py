"""Decides which URLs given by clients this service may call.

A URL is checked twice by the same rules: when it is submitted, and when it is called, for every address that its host then has
(`db/core/guarded_network.py`). Only addresses that are certainly public pass. Ambiguous forms are refused, because the two checks
might read them differently.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

MAX_URL_CHARACTERS = 2000
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII)
_MAX_NAME_CHARACTERS = 253
"""Of a whole name; labels have at most 63 (RFC 1035)."""
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
"""A last label that makes a host an IPv4 address for some programs, in any notation (WHATWG URL, "ends in a number")."""
_DOTTED = re.compile(r"(0|[1-9][0-9]{0,2})(\.(0|[1-9][0-9]{0,2})){3}", re.ASCII)

_LOCAL_DOMAINS = frozenset(
    {"localhost", "local", "localdomain", "internal", "intranet", "lan", "home", "corp", "private", "test", "invalid"}
)
"""Top-level domains that aren't public: special use (RFC 6761, RFC 6762), `internal`, and those used in home networks."""
_LOCAL_SUFFIXES = (".home.arpa",)

_GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All that IANA has allocated to public hosts. Excludes site-local, mapped, NAT64 and multicast addresses."""
_NOT_PUBLIC_V4 = tuple(
    IPv4Network(network)
    for network in (
        "192.0.0.0/24",  # protocol assignments, some of which count as global
        "192.88.99.0/24",  # 6to4 relays
        "224.0.0.0/4",  # multicast, which `is_global` includes
        "240.0.0.0/4",  # reserved
    )
)
_NOT_PUBLIC_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which embeds an IPv4 address
        "3fff::/20",  # documentation
    )
)
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})
"""Third quarter of an IPv6 address whose last quarter is an IPv4 address (RFC 5214)."""


class RefusedUrl(ValueError):
    """The URL may not be called. The message completes a sentence about the URL."""


@dataclass(frozen=True)
class Destination:
    """The parts of a URL. host: lower case, IPv6 addresses without brackets. target: path and query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """Host and port as in the `Host` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def read_destination(url: str, *, allows_private: bool, ports: Sequence[range]) -> Destination:
    """Parse an http or https URL that this service may call.

    allows_private: whether hosts of this machine and its network are allowed.
    ports: allowed ports.
    Raises RefusedUrl.
    """
    if len(url) > MAX_URL_CHARACTERS:
        raise RefusedUrl(f"must have at most {MAX_URL_CHARACTERS} characters")
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise RefusedUrl("must be a plain URL; write other characters in their %-encoded form, and names in Punycode")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise RefusedUrl("must have a host that is a name, an IPv4 address or an IPv6 address in brackets") from None
    if parts.scheme not in _DEFAULT_PORTS or not url.lower().startswith(f"{parts.scheme}://"):
        raise RefusedUrl("must begin with https:// or http://")
    if "@" in parts.netloc:
        raise RefusedUrl("must not carry a user name or password; callbacks are signed instead")
    host, port = _split_host(parts.netloc)
    address = _read_address(host)
    host = host.strip("[]")
    is_private = _is_local_name(host) if address is None else not is_public(address)
    if is_private and not allows_private:
        raise RefusedUrl("must be a public host: private and loopback addresses are not called")
    port = _DEFAULT_PORTS[parts.scheme] if port is None else port
    if not any(port in allowed for allowed in ports):
        raise RefusedUrl(f"must not name port {port}, which this service doesn't call")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Destination(parts.scheme, host, port, target)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Return whether the address is certainly a public host's: unicast, allocated by IANA, and not another address in disguise."""
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in network for network in _NOT_PUBLIC_V4)
    return (
        address.scope_id is None
        and address in _GLOBAL_UNICAST
        and address.is_global
        and not any(address in network for network in _NOT_PUBLIC_V6)
        and (int(address) >> 32) & 0xFFFFFFFF not in _ISATAP
    )


def _split_host(netloc: str) -> tuple[str, int | None]:
    """Split into host, in lower case and with brackets, and port. Stricter than urllib, which accepts several forms of both."""
    found = re.fullmatch(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(:(?P<port>[0-9]*))?", netloc, re.ASCII)
    if found is None:
        raise RefusedUrl("must name a host, and a port from 1 to 65535 or none")
    host, port = found["host"].lower(), found["port"]
    if not host:
        raise RefusedUrl("must name a host")
    if port and (len(port) > 5 or not 0 < int(port) <= 65535):
        raise RefusedUrl("must name a port from 1 to 65535, or none")
    return host, int(port) if port else None


def _read_address(host: str) -> IPv4Address | IPv6Address | None:
    """Return the IP address that the host is, or None for a name.

    Raises RefusedUrl for anything else, and for an address in another notation.
    """
    if host.startswith("["):
        try:
            address = IPv6Address(host.strip("[]"))
        except ValueError:
            raise RefusedUrl("must have an IPv6 address in its brackets") from None
        if address.scope_id is not None:
            raise RefusedUrl("must not name a zone of an IPv6 address")
        return address
    if _NUMBER.fullmatch(host.removesuffix(".").rpartition(".")[2]):
        try:
            if _DOTTED.fullmatch(host):
                return ip_address(host)
        except ValueError:
            pass
        raise RefusedUrl("must write an IPv4 address as four decimal numbers from 0 to 255, such as 192.0.2.1")
    labels = host.removesuffix(".").split(".")
    if len(host) > _MAX_NAME_CHARACTERS or not all(map(_LABEL.fullmatch, labels)):
        raise RefusedUrl(
            "must name a host whose parts between dots have 1 to 63 letters, digits, hyphens or underscores"
        )
    try:
        for label in labels:
            label.removeprefix("xn--").encode().decode("punycode" if label.startswith("xn--") else "ascii")
    except UnicodeError:
        raise RefusedUrl("must name a host in valid Punycode") from None
    return None


def _is_local_name(host: str) -> bool:
    """Return whether the name belongs to this machine or its network.

    The resolver completes a name without a dot from its search list.
    """
    name = host.removesuffix(".")
    return "." not in name or name.rpartition(".")[2] in _LOCAL_DOMAINS or name.endswith(_LOCAL_SUFFIXES)
