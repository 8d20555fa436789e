"""Lost messages of queued jobs."""

import pytest

from db.core import queues
from db.core.vocabulary import Priority
from tests.unit.worker.housekeeping.test_sweeper import add_job, services
from worker.core import messages
from worker.core.services import Services
from worker.housekeeping import lost_messages
from worker.housekeeping.lost_messages import LookLimits

__all__ = ["services"]


def test_a_queued_job_without_a_message_is_sent_once(services: Services) -> None:
    job_id = add_job(services)
    lost_messages.resend_lost(services)
    lost_messages.resend_lost(services)
    assert messages.list_sent(services.redis) == {str(job_id)}
    assert services.redis.llen(queues.ANALYSIS_QUEUE) == 1


def test_a_bulk_job_goes_to_its_own_queue(services: Services) -> None:
    add_job(services, priority=Priority.BULK)
    lost_messages.resend_lost(services)
    assert (services.redis.llen(queues.ANALYSIS_QUEUE), services.redis.llen(queues.BULK_QUEUE)) == (0, 1)


def test_an_emptied_queue_is_filled_again(services: Services) -> None:
    job_ids = {str(add_job(services)) for _ in range(3)}
    lost_messages.resend_lost(services)
    services.redis.flushall()
    lost_messages.resend_lost(services)
    assert messages.list_sent(services.redis) == job_ids


def test_a_lost_message_does_not_wait_behind_those_that_lie_in_the_queue(services: Services) -> None:
    two = LookLimits(most_resent=2)
    for _ in range(2):
        add_job(services, priority=Priority.BULK)
    lost_messages.resend_lost(services, two)
    lost = add_job(services)
    lost_messages.resend_lost(services, two)
    assert str(lost) in messages.list_sent(services.redis)


DEAR = LookLimits(free_s=0.0, share=1e-9)
"""Each look takes so long that the next is an hour later."""


def test_a_look_that_takes_long_is_not_repeated_soon(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    add_waiting(services, 3)
    lost_messages.resend_lost(services, DEAR)
    add_job(services)
    monkeypatch.setattr(lost_messages, "_look", None)
    lost_messages.resend_lost(services, DEAR)
    assert services.redis.llen(queues.ANALYSIS_QUEUE) == 3


def test_an_emptied_queue_is_looked_at_at_once(services: Services) -> None:
    waiting = add_waiting(services, 3)
    lost_messages.resend_lost(services, DEAR)
    services.redis.ltrim(queues.ANALYSIS_QUEUE, 0, 0)
    lost_messages.resend_lost(services, DEAR)
    assert messages.list_sent(services.redis) == waiting


def test_jobs_that_need_no_message_yet_do_not_make_a_queue_look_emptied(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are queued, but were sent a moment ago: their message may be in a worker's hand."""
    add_waiting(services, 3)
    lost_messages.resend_lost(services, DEAR)
    services.redis.ltrim(queues.ANALYSIS_QUEUE, 0, 0)
    services.settings = services.settings.model_copy(update={"resend_after_s": 3600})
    monkeypatch.setattr(lost_messages, "_look", None)
    lost_messages.resend_lost(services, DEAR)


def test_a_lost_message_is_found_when_the_time_has_come(services: Services) -> None:
    waiting = add_waiting(services, 3)
    lost_messages.resend_lost(services, DEAR)
    services.redis.rpop(queues.ANALYSIS_QUEUE)
    services.next_look_at = 0.0
    lost_messages.resend_lost(services, DEAR)
    assert messages.list_sent(services.redis) == waiting


def test_a_queue_that_is_away_is_no_error(services: Services) -> None:
    add_job(services)
    services.redis.connection_pool.connection_kwargs["path"] = "/nowhere.sock"
    services.redis.connection_pool.disconnect()
    lost_messages.resend_lost(services)


def add_waiting(services: Services, count: int) -> set[str]:
    return {str(add_job(services)) for _ in range(count)}
