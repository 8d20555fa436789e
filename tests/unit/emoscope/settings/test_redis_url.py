"""The queue's address means the same to redis-py and to Celery."""

import pytest
import redis
from kombu.connection import Connection

from emoscope.settings.redis_url import InvalidRedisUrl, RedisAddress, read_redis_url


def read_by_redis_py(address: RedisAddress) -> dict[str, object]:
    return redis.Redis.from_url(address.to_redis_url()).connection_pool.connection_kwargs


def read_by_celery(address: RedisAddress) -> dict[str, object]:
    channel = Connection(address.to_broker_url()).transport.Channel
    connection = Connection(address.to_broker_url())
    found = object.__new__(channel)
    found.connection = type("Transport", (), {"client": connection, "default_port": 1})()
    options: dict[str, object] = found._connparams()
    return options


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://127.0.0.1:6379?db=5", RedisAddress("127.0.0.1", database=5)),
        ("redis://127.0.0.1:6379/5", RedisAddress("127.0.0.1", database=5)),
        ("redis://127.0.0.1:6379/5?db=5", RedisAddress("127.0.0.1", database=5)),
        ("redis://queue/0?password=x", RedisAddress("queue", password="x")),
        ("redis://:p%40s%2Fs@queue", RedisAddress("queue", password="p@s/s")),
        ("redis://ana:secret@queue:6380/", RedisAddress("queue", 6380, username="ana", password="secret")),
        ("redis://[::1]:6380/1", RedisAddress("::1", 6380, database=1)),
        ("unix:///run/my%20queue.sock?db=3", RedisAddress(socket="/run/my queue.sock", database=3)),
        ("unix://:secret@/run/q.sock", RedisAddress(socket="/run/q.sock", password="secret")),
    ],
)
def test_both_libraries_read_what_the_url_says(url: str, expected: RedisAddress) -> None:
    address = read_redis_url(url)
    assert address == expected
    assert read_redis_url(address.to_redis_url()) == address
    for found in (read_by_redis_py(address), read_by_celery(address)):
        assert int(str(found.get("db") or 0)) == address.database
        assert (found.get("password") or "") == address.password
        assert (found.get("username") or "") == address.username
        if address.socket:
            assert found["path"] == address.socket
        else:
            assert (found["host"], found["port"]) == (address.host, address.port)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", {"ssl_cert_reqs": "required", "ssl_check_hostname": "true"}),
        ("?ssl_cert_reqs=none", {"ssl_cert_reqs": "none", "ssl_check_hostname": "false"}),
        ("?ssl_cert_reqs=CERT_NONE", {"ssl_cert_reqs": "none", "ssl_check_hostname": "false"}),
        ("?ssl_check_hostname=False", {"ssl_cert_reqs": "required", "ssl_check_hostname": "false"}),
        ("?ssl_ca_certs=/a.pem", {"ssl_cert_reqs": "required", "ssl_check_hostname": "true", "ssl_ca_certs": "/a.pem"}),
    ],
)
def test_tls_checks_the_certificate_unless_the_url_says_otherwise(options: str, expected: dict[str, str]) -> None:
    address = read_redis_url(f"rediss://queue{options}")
    assert address.tls == expected
    assert read_redis_url(address.to_redis_url()) == address


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("127.0.0.1:6379", "redis://host:port/number"),
        ("", "redis://host:port/number"),
        ("redis:/h", "redis://host:port/number"),
        ("http://h", "redis://host:port/number"),
        ("redis+socket:///x", "redis://host:port/number"),
        (" redis://h", "redis://host:port/number"),
        ("redis://h:port/0", "port from 1"),
        ("redis://h:0/0", "port from 1"),
        ("redis://h:70000/0", "port from 1"),
        ("redis://[::1/0", "port from 1"),
        ("redis://", "name a host"),
        ("redis:///0", "name a host"),
        ("redis://h h/0", "redis://host:port/number"),
        ("redis://h/x", "number of a database"),
        ("redis://h/-1", "number of a database"),
        ("redis://h/1/2", "number of a database"),
        ("redis://h/1?db=2", "two values of db"),
        ("redis://a:b@h/1?password=c", "two values of password"),
        ("redis://h?db=1&db=1", "twice"),
        ("redis://h?socket_timeout=3", "the option socket_timeout"),
        ("redis://h?wo%20rd=1", "unknown option"),
        ("redis://:pass#word@h", "%23"),
        ("redis://h?ssl_cert_reqs=none", "needs TLS"),
        ("rediss://h?ssl_cert_reqs=maybe", "required, optional or none"),
        ("rediss://h?ssl_cert_reqs=none&ssl_check_hostname=true", "doesn't check"),
        ("rediss://h?ssl_check_hostname=1", "true or false"),
        ("unix://run/q.sock", "absolute path"),
        ("unix://", "absolute path"),
    ],
)
def test_what_cannot_be_read_is_explained_without_the_password(url: str, reason: str) -> None:
    with pytest.raises(InvalidRedisUrl, match=reason) as refused:
        read_redis_url(url)
    assert "word" not in str(refused.value).replace("password", "")
