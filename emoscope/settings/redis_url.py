"""Parses the queue's URL once, and converts it for both libraries that connect to it.

redis-py and kombu (Celery) read URLs differently: some options of one are errors of the other, and with TLS only one checks
certificates by default. The converted URLs mean the same to both.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

_HOST = re.compile(r"[a-z0-9]([a-z0-9._-]{0,251}[a-z0-9])?", re.ASCII | re.IGNORECASE)
_DEFAULT_PORT = 6379
_CERT_REQS = {
    "required": "required", "optional": "optional", "none": "none",
    "cert_required": "required", "cert_optional": "optional", "cert_none": "none",
}  # fmt: skip
_TLS_OPTIONS = ("ssl_cert_reqs", "ssl_check_hostname", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_OPTIONS = ("db", "username", "password", *_TLS_OPTIONS)


class InvalidRedisUrl(ValueError):
    """The URL is invalid. The message completes a sentence about it, and never contains the password."""


@dataclass(frozen=True)
class RedisAddress:
    """Address of the queue. socket: path of a Unix socket, instead of host and port. tls: options by redis-py's names, or None."""

    host: str = ""
    port: int = _DEFAULT_PORT
    socket: str = ""
    database: int = 0
    username: str = ""
    password: str = field(default="", repr=False)
    tls: Mapping[str, str] | None = None

    def to_redis_url(self) -> str:
        """Return the URL for redis-py, and for `limits`, which passes it on."""
        if self.socket:
            return f"unix://{self._write_user()}{quote(self.socket)}?db={self.database}"
        return self._write_tcp()

    def to_broker_url(self) -> str:
        """Return the URL for Celery."""
        if self.socket:
            return f"redis+socket://{self._write_user()}{quote(self.socket)}?virtual_host={self.database}"
        return self._write_tcp()

    def _write_tcp(self) -> str:
        scheme, options = ("redis", "") if self.tls is None else ("rediss", f"?{urlencode(self.tls)}")
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{self._write_user()}{host}:{self.port}/{self.database}{options}"

    def _write_user(self) -> str:
        if not self.username and not self.password:
            return ""
        return f"{quote(self.username, safe='')}:{quote(self.password, safe='')}@"


def read_redis_url(url: str) -> RedisAddress:
    """Parse `redis://`, `rediss://` (TLS) or `unix://`. Raises InvalidRedisUrl."""
    scheme, separator, _ = url.partition("://")
    if not separator or scheme not in {"redis", "rediss", "unix"} or not url.isprintable() or " " in url:
        raise InvalidRedisUrl("must be redis://host:port/number, rediss:// for TLS, or unix:///path/to/socket")
    if "#" in url:
        raise InvalidRedisUrl("must write # in a password as %23")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidRedisUrl(
            "must name a port from 1 to 65535, an IPv6 address in brackets, and ? or / of a password as %3F or %2F"
        ) from None
    options = _read_options(parts.query, is_tls=scheme == "rediss")
    username = _choose(options, "username", unquote(parts.username or ""))
    password = _choose(options, "password", unquote(parts.password or ""))
    if scheme == "unix":
        if parts.netloc.rpartition("@")[2] or len(parts.path) < 2:
            raise InvalidRedisUrl("must have the socket's absolute path, as in unix:///run/valkey.sock")
        database = _read_database(options.get("db", ""))
        return RedisAddress(socket=unquote(parts.path), database=database, username=username, password=password)
    host = parts.hostname or ""
    if not (":" in host or _HOST.fullmatch(host)):
        raise InvalidRedisUrl("must name a host, as in redis://127.0.0.1:6379/0")
    if port == 0:
        raise InvalidRedisUrl("must name a port from 1 to 65535")
    database = _read_database(_choose(options, "db", parts.path.removeprefix("/")))
    tls = _read_tls(options) if scheme == "rediss" else None
    return RedisAddress(host, port or _DEFAULT_PORT, "", database, username, password, tls)


def _read_options(query: str, *, is_tls: bool) -> dict[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True)
    options = dict(pairs)
    if len(options) < len(pairs):
        raise InvalidRedisUrl("has an option twice")
    for name in options:
        if name not in _OPTIONS:
            # an unknown word may be part of a password with a ? in it
            shown = f"has the option {name}" if re.fullmatch("[a-z_]+", name) else "has an unknown option"
            raise InvalidRedisUrl(f"{shown}, and only {', '.join(_OPTIONS)} are known; write ? in a password as %3F")
        if name in _TLS_OPTIONS and not is_tls:
            raise InvalidRedisUrl(f"has the option {name!r}, which needs TLS: rediss://")
    return options


def _choose(options: Mapping[str, str], name: str, in_place: str) -> str:
    """Return the value given in the URL itself or among its options."""
    given = options.get(name, in_place)
    if in_place and given != in_place:
        raise InvalidRedisUrl(f"has two values of {name}")
    return given


def _read_database(written: str) -> int:
    if not re.fullmatch("[0-9]{0,5}", written, re.ASCII):
        raise InvalidRedisUrl("must end with the number of a database, as in redis://127.0.0.1:6379/0")
    return int(written or 0)


def _read_tls(options: Mapping[str, str]) -> dict[str, str]:
    """Return the TLS options. By default the certificate and its host name are checked."""
    requirement = _CERT_REQS.get(options.get("ssl_cert_reqs", "required").lower())
    if requirement is None:
        raise InvalidRedisUrl("must have ssl_cert_reqs as required, optional or none")
    default = "false" if requirement == "none" else "true"
    checks_name = options.get("ssl_check_hostname", default).lower()
    if checks_name not in {"true", "false"}:
        raise InvalidRedisUrl("must have ssl_check_hostname as true or false")
    if checks_name == "true" and requirement == "none":
        raise InvalidRedisUrl("can't check the name in a certificate that it doesn't check (ssl_cert_reqs=none)")
    files = {name: options[name] for name in _TLS_OPTIONS[2:] if options.get(name)}
    return {"ssl_cert_reqs": requirement, "ssl_check_hostname": checks_name, **files}
