"""A queue over TLS: API, workers and rate limits check the certificate."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import redis

from api.core.limits import RateLimiter
from api.core.queue import Queue, QueueUnavailable
from db.core.vocabulary import Priority
from emoscope.settings import Settings
from tests.support.tls_proxy import TlsProxy


@pytest.fixture
def proxy(valkey: Any, tmp_path: Path) -> Iterator[TlsProxy]:
    with TlsProxy(f"{valkey.folder}/v.sock", tmp_path) as proxy:
        yield proxy


@pytest.mark.parametrize(
    ("host", "options", "expected"),
    [
        ("localhost", "", "refuse"),
        ("localhost", "?ssl_ca_certs={certificate}", "connect"),
        ("localhost", "?ssl_cert_reqs=none", "connect"),
        ("127.0.0.1", "?ssl_ca_certs={certificate}", "refuse"),  # the certificate has another name
        ("127.0.0.1", "?ssl_ca_certs={certificate}&ssl_check_hostname=false", "connect"),
    ],
)
def test_all_that_connect_check_the_certificate_alike(proxy: TlsProxy, host: str, options: str, expected: str) -> None:
    url = f"rediss://{host}:{proxy.port}/0{options.format(certificate=proxy.certificate)}"
    settings = Settings(_env_file=None, redis_url=url)
    found = {"connect" if connects(settings) else "refuse" for connects in (_pings, _sends, _counts)}
    assert found == {expected}


def _pings(settings: Settings) -> bool:
    with redis.Redis.from_url(settings.effective_redis_url, socket_timeout=5) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False


def _sends(settings: Settings) -> bool:
    queue = Queue(settings.effective_redis_url)
    try:
        queue.send_job(uuid4(), Priority.BULK)
    except QueueUnavailable:
        return False
    else:
        return True
    finally:
        queue.close()


def _counts(settings: Settings) -> bool:
    limiter = RateLimiter(settings.effective_redis_url, "5/minute")
    try:
        return limiter.count("key") is not None
    finally:
        limiter.close()
