"""Queries of the watch to the queue."""

from pathlib import Path

from emoscope.settings import Settings
from tests.support.valkey import Valkey
from worker.core.queue_probe import QueueProbe


def probe(folder: Path, redis_url: str) -> QueueProbe:
    return QueueProbe(Settings(_env_file=None, data_dir=folder, redis_url=redis_url))


def test_messages_of_all_its_queues_are_counted(valkey: Valkey, tmp_path: Path) -> None:
    with valkey.client() as client:
        client.rpush("one", "a", "b")
        client.rpush("two", "c")
        client.rpush("other", "d")
    asked = probe(tmp_path, valkey.redis_url)
    assert (asked.count_messages(["one", "two"]), asked.count_messages([]), asked.can_write()) == (3, 0, True)


def test_a_queue_that_is_away_answers_none_and_raises_nothing(tmp_path: Path) -> None:
    asked = probe(tmp_path, f"unix://{tmp_path}/none.sock")
    assert (asked.count_messages(["one"]), asked.can_write()) == (None, False)


def test_a_full_queue_answers_and_takes_nothing(valkey: Valkey, tmp_path: Path) -> None:
    with valkey.client() as client:
        client.config_set("maxmemory", "1")
        try:
            asked = probe(tmp_path, valkey.redis_url)
            assert (asked.count_messages(["one"]), asked.can_write()) == (0, False)
        finally:
            client.config_set("maxmemory", "0")
