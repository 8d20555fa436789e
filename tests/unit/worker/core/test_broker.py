"""How workers reach the queue."""

from pathlib import Path

import pytest
from celery import Celery
from kombu.transport import redis, virtual

from emoscope.settings import Settings
from tests.support.valkey import Valkey
from worker.core.app import make_celery
from worker.core.broker import _MOST_PAUSE_S, BrokerConnection, Channel, LocalQoS, Transport


@pytest.fixture
def celery(valkey: Valkey, tmp_path: Path) -> Celery:
    return make_celery(Settings(_env_file=None, data_dir=tmp_path, redis_url=valkey.redis_url))


def test_a_message_in_hand_is_counted_in_this_process_alone(celery: Celery, valkey: Valkey) -> None:
    celery.send_task("any", queue="waiting", retry=False)
    before = LocalQoS.taken
    with celery.connection_for_read() as connection:
        channel = connection.default_channel
        assert (type(channel), type(channel.qos)) == (Channel, LocalQoS)
        assert connection.SimpleQueue("waiting").get(timeout=5) is not None
        assert LocalQoS.taken == before + 1
        with valkey.client() as client:
            assert not [key for key in client.scan_iter() if key.startswith(b"unacked")]


def test_every_form_of_the_url_is_reached_by_this_transport() -> None:
    for url in ("redis://host", "rediss://host", "redis+socket:///q.sock"):
        connection = BrokerConnection(url)  # type: ignore[no-untyped-call]
        assert connection.get_transport_cls() is Transport


def test_a_queue_that_is_back_waits_seconds_and_not_half_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, object] = {}
    monkeypatch.setattr("kombu.connection.Connection.ensure_connection", lambda _self, **options: seen.update(options))
    connection = BrokerConnection("redis://host")  # type: ignore[no-untyped-call]
    connection.ensure_connection(max_retries=3)
    assert seen == {"max_retries": 3, "interval_max": _MOST_PAUSE_S}


def test_messages_that_cannot_be_put_back_are_left_to_the_sweeper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual.QoS, "restore_unacked", lambda _self: [(OSError("away"), "message")])
    assert LocalQoS.restore_unacked(object.__new__(LocalQoS)) == []
    assert issubclass(Channel, redis.Channel)
