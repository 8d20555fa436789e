"""Parses the URLs of the settings into one normalized form.

Invalid URLs raise ValueError with a reason that completes a sentence about the setting. Reasons never repeat the URL, which may
contain a password.
"""

import importlib.util
import re
from urllib.parse import urlsplit

_POSTGRESQL = frozenset({"postgres", "postgresql", "postgresql+psycopg"})
_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?", re.ASCII)


def read_database_url(url: str) -> str:
    """Return the SQLAlchemy URL of a PostgreSQL or SQLite database. Empty stays empty."""
    if not url:
        return ""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        read = make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError(
            "must be a URL such as postgresql://user:password@host/name or sqlite:////path/to/file"
        ) from None
    if read.drivername in _POSTGRESQL:
        if importlib.util.find_spec("psycopg") is None:
            raise ValueError("names a PostgreSQL database, whose driver isn't installed: install emoscope[fleet]")
        return read.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    if read.drivername in {"sqlite", "sqlite+pysqlite"}:
        if not read.database or read.database == ":memory:" or read.host:
            raise ValueError(
                "must name SQLite's file, as in sqlite:////path/to/file: every process opens it separately"
            )
        return read.set(drivername="sqlite").render_as_string(hide_password=False)
    raise ValueError("must begin with postgresql:// or sqlite://; other databases and drivers aren't supported")


def read_blob_url(url: str) -> str:
    """Parse `s3://bucket/prefix` or a folder's path. Empty stays empty."""
    if "://" in url and not _BUCKET.fullmatch(url):
        raise ValueError("must be s3://bucket/prefix with the name of a bucket, or a folder's path")
    return url


def read_http_url(url: str) -> str:
    """Parse the URL of an HTTP service. Empty stays empty."""
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address or not url.isprintable() or " " in url or parts.query or parts.fragment:
        raise ValueError("must be an address such as https://host:port")
    return url


def read_collector_url(url: str) -> str:
    """Parse the URL of a trace collector. Empty stays empty."""
    if url and importlib.util.find_spec("opentelemetry.sdk") is None:
        raise ValueError("names a trace collector, but OpenTelemetry isn't installed: install emoscope[fleet]")
    return read_http_url(url)


def read_host(host: str) -> str:
    """Parse a host to listen on, without a port."""
    is_ipv6 = re.fullmatch(r"[0-9a-fA-F:.]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*", host, re.ASCII)
    if not (is_ipv6 or re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", host, re.ASCII)):
        raise ValueError("must be an address or a name without a port, such as 127.0.0.1 or ::1")
    return host


def read_rate(rate: str) -> str:
    """Parse a rate limit. Empty stays empty."""
    if rate and not re.fullmatch(r"[1-9][0-9]{0,8}/(second|minute|hour)", rate, re.ASCII):
        raise ValueError("must be a number of requests in a second, minute or hour, such as 600/minute")
    return rate
