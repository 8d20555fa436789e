"""Long polls on a real Valkey."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest

from api.core.waiting import Waiter

LONG_S = 20.0
SHORT_S = 0.05


@pytest.fixture
def waiter(valkey: Any) -> Iterator[Waiter]:
    made = Waiter(valkey.redis_url, max_waits=2)
    yield made
    made.close()


def settle(waiter: Waiter) -> None:
    """Until the thread listens: it wakes everybody when it begins."""
    with waiter.listen([uuid4()]) as changes:
        assert changes.wait(monotonic() + LONG_S)


def test_an_announcement_wakes_who_waits_for_that_job(waiter: Waiter) -> None:
    settle(waiter)
    job_id = uuid4()
    with waiter.listen([job_id]) as changes:
        waiter.announce(uuid4())
        waiter.announce(job_id)
        started = monotonic()
        assert changes.wait(started + LONG_S)
        assert monotonic() - started < LONG_S / 2


def test_an_announcement_of_another_process_counts(waiter: Waiter, valkey: Any) -> None:
    settle(waiter)
    other = Waiter(valkey.redis_url, max_waits=1)
    job_id = uuid4()
    with waiter.listen([uuid4(), job_id]) as changes:
        other.announce(job_id)
        assert changes.wait(monotonic() + LONG_S)
    other.close()


def test_a_change_between_reading_and_waiting_is_not_lost(waiter: Waiter) -> None:
    settle(waiter)
    job_id = uuid4()
    with waiter.listen([job_id]) as changes:
        waiter.announce(job_id)  # where the caller reads the job
        assert changes.wait(monotonic() + LONG_S)


def test_a_wait_without_a_change_ends_with_its_time(waiter: Waiter) -> None:
    settle(waiter)
    with waiter.listen([uuid4()]) as changes:
        assert not changes.wait(monotonic() + SHORT_S)


def test_more_waits_than_allowed_are_answered_at_once(waiter: Waiter) -> None:
    settle(waiter)
    with waiter.listen([uuid4()]), waiter.listen([uuid4()]), waiter.listen([uuid4()]) as third:
        started = monotonic()
        assert not third.wait(started + LONG_S)
        assert monotonic() - started < LONG_S / 2
    with waiter.listen([uuid4()]) as changes:
        assert not changes.wait(monotonic() + SHORT_S)


def test_everybody_looks_again_after_the_queue_came_back(waiter: Waiter, valkey: Any) -> None:
    """What was announced while it was away is lost, so those who wait must look for themselves."""
    settle(waiter)
    job_id = uuid4()
    try:
        with waiter.listen([job_id]) as changes, ThreadPoolExecutor() as pool:
            woken = pool.submit(changes.wait, monotonic() + LONG_S)
            valkey.stop()
            waiter.announce(job_id)  # lost, without an error
            valkey.start()
            assert woken.result()
            waiter.announce(job_id)
            assert changes.wait(monotonic() + LONG_S)
    finally:
        valkey.stop()
        valkey.start()


def test_a_strange_message_does_no_harm(waiter: Waiter, valkey: Any) -> None:
    settle(waiter)
    job_id = uuid4()
    with waiter.listen([job_id]) as changes:
        for message in (b"", b"\xff", b"not an id"):
            valkey.client().publish("emoscope:job-changed", message)
        waiter.announce(job_id)
        assert changes.wait(monotonic() + LONG_S)


def test_no_thread_starts_before_the_first_wait(valkey: Any) -> None:
    """So that it runs in the process that serves, and not in the one that forked it."""

    def count() -> int:
        return sum(thread.name == "job-changes" for thread in threading.enumerate())

    before = count()
    made = Waiter(valkey.redis_url, max_waits=1)
    made.announce(uuid4())
    assert count() == before
    settle(made)
    assert count() == before + 1
    made.close()
    assert count() == before


def test_closing_wakes_who_waits(valkey: Any) -> None:
    made = Waiter(valkey.redis_url, max_waits=1)
    settle(made)
    with made.listen([uuid4()]) as changes, ThreadPoolExecutor() as pool:
        woken = pool.submit(changes.wait, monotonic() + LONG_S)
        made.close()
        assert woken.result()


def test_closing_ends_the_thread_while_it_waits_for_a_message(valkey: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.core.waiting._RECONNECT_PAUSE_S", 60.0)
    made = Waiter(valkey.redis_url, max_waits=1)
    settle(made)
    made.close()
    assert made._thread is not None
    assert not made._thread.is_alive()
