"""A wait goes on while the service is away, asks no more than needed, and ends when its time is up."""

import httpx
import pytest

from emoscope_client import Batch, Job, NotFound, Retries, WaitTimeout
from emoscope_client.operations import Operations
from tests.support.factories.answers import make_batch, make_job
from tests.support.scripted_steps import answer, carry_out

OPERATIONS = Operations("http://api", Retries(tries=2), 30)


def test_what_has_ended_is_not_asked_for() -> None:
    job, batch = Job.from_json(make_job("failed")), Batch.from_json(make_batch("refused", "succeeded"))
    assert carry_out(OPERATIONS.wait_for_job(job)).steps == []
    assert carry_out(OPERATIONS.wait_for_batch(batch)).result is batch


def test_a_job_may_be_named_by_its_id() -> None:
    done = make_job("succeeded")
    carried = carry_out(OPERATIONS.wait_for_job(done["id"], timeout_s=100), answer(200, done))
    assert carried.result == Job.from_json(done)
    assert carried.calls[0].params == {"wait": "60"}


def test_the_wait_goes_on_while_the_service_is_away() -> None:
    away: list[httpx.Response | httpx.TransportError] = [
        httpx.ConnectError("refused"),
        answer(503),
        httpx.ReadTimeout("silent"),
        answer(502),
    ]
    carried = carry_out(OPERATIONS.wait_for_job("1"), *away, answer(200, make_job("succeeded")))
    assert carried.result is not None
    assert len(carried.calls) == 5 > OPERATIONS.retries.tries


def test_a_refusal_ends_the_wait() -> None:
    assert isinstance(carry_out(OPERATIONS.wait_for_job("1"), answer(404)).error, NotFound)


def test_a_change_is_followed_at_once_and_a_service_without_room_to_hold_is_spared() -> None:
    """A service that holds as many requests as it may answers further ones at once."""
    full = [("Retry-After", "2")]
    answers = [("queued", full), ("queued", full), ("running", full), ("running", []), ("succeeded", [])]
    carried = carry_out(
        OPERATIONS.wait_for_job("1"), *(answer(200, make_job(status), headers) for status, headers in answers)
    )
    assert carried.result is not None
    assert carried.pauses == [2, 1]


def test_a_batch_that_is_not_held_is_spared() -> None:
    carried = carry_out(
        OPERATIONS.wait_for_batch("1"),
        answer(200, make_batch("running"), [("Retry-After", "3")]),
        answer(200, make_batch("succeeded")),
    )
    assert carried.pauses == [3]
    assert carried.result is not None


@pytest.mark.parametrize("timeout_s", [0, -1])
def test_without_time_a_known_job_is_not_asked_for_and_an_unknown_one_once(timeout_s: float) -> None:
    job = Job.from_json(make_job("queued"))
    known = carry_out(OPERATIONS.wait_for_job(job, timeout_s=timeout_s))
    assert known.calls == []
    assert isinstance(known.error, WaitTimeout)
    assert known.error.job is job
    unknown = carry_out(OPERATIONS.wait_for_job(job.id, timeout_s=timeout_s), answer(200, make_job("running")))
    assert isinstance(unknown.error, WaitTimeout)
    assert unknown.error.job is not None
    assert unknown.error.job.status == "running"


def test_a_service_that_never_comes_back_ends_the_wait_with_the_reason() -> None:
    batch = Batch.from_json(make_batch("running"))
    carried = carry_out(OPERATIONS.wait_for_batch(batch, timeout_s=0.01), httpx.ConnectError("refused"))
    assert isinstance(carried.error, WaitTimeout)
    assert carried.error.batch is batch
    assert "refused" in str(carried.error.__cause__)


def test_analyze_waits_no_longer_than_its_time_in_all() -> None:
    carried = carry_out(OPERATIONS.analyze(b"photo", timeout_s=0), answer(202, make_job("queued")))
    assert len(carried.calls) == 1
    assert "Prefer" not in carried.calls[0].headers
    assert isinstance(carried.error, WaitTimeout)
