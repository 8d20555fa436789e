"""Retries and their pauses."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from emoscope_client import ApiError, Retries, ServerError, ServiceUnreachable, TooManyRequests
from emoscope_client.operations import Operations
from emoscope_client.steps import Call, Patience, read_retry_after_s, send
from tests.support.factories.answers import make_job
from tests.support.scripted_steps import Carried, answer, carry_out

RETRIES = Retries(tries=4, first_pause_s=1, longest_pause_s=3, longest_total_s=120)
LOST = httpx.ReadTimeout("lost")


def try_call(*outcomes: httpx.Response | httpx.TransportError, is_repeatable: bool = True) -> Carried[httpx.Response]:
    call = Call("POST", "/", is_repeatable=is_repeatable)
    return carry_out(send(call, RETRIES, Patience(RETRIES.tries, time.monotonic() + 120), "http://api"), *outcomes)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_pauses_grow_and_part_of_each_is_chance(status: int) -> None:
    carried = try_call(*[answer(status)] * 4)
    assert len(carried.calls) == 4
    for pause_s, longest_s in zip(carried.pauses, (1, 2, 3), strict=True):
        assert longest_s * 0.75 <= pause_s <= longest_s
    assert isinstance(carried.error, ApiError)
    assert carried.error.status == status


@pytest.mark.parametrize("status", [400, 404, 409, 422, 500])
def test_other_errors_are_not_tried_again(status: int) -> None:
    carried = try_call(answer(status))
    assert (len(carried.calls), carried.pauses) == (1, [])
    assert isinstance(carried.error, ServerError if status == 500 else ApiError)


def test_a_longer_retry_after_is_kept_whole() -> None:
    carried = try_call(answer(429, headers=[("Retry-After", "60")]), answer(200))
    assert carried.pauses == [60]
    assert carried.result is not None


def test_a_retry_after_that_ends_too_late_is_told_at_once() -> None:
    carried = try_call(answer(429, headers=[("Retry-After", "600")]))
    assert carried.pauses == []
    assert isinstance(carried.error, TooManyRequests)
    assert carried.error.retry_after_s == 600


def test_a_retry_after_may_be_a_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    found = read_retry_after_s(answer(503, headers=[("Retry-After", later)]))
    assert found is not None
    assert 28 < found <= 30
    for odd in ("soon", "-1", "1.5", ""):
        assert read_retry_after_s(answer(503, headers=[("Retry-After", odd)])) is None


def test_what_may_not_be_repeated_is_repeated_only_if_it_cannot_have_arrived() -> None:
    unsent = httpx.ConnectError("refused")
    assert len(try_call(unsent, answer(429), answer(200), is_repeatable=False).calls) == 3
    for lost in (LOST, answer(503)):
        carried = try_call(lost, is_repeatable=False)
        assert len(carried.calls) == 1
        assert isinstance(carried.error, ServiceUnreachable | ServerError)
    assert isinstance(error := try_call(LOST, is_repeatable=False).error, ServiceUnreachable)
    assert error.may_be_done
    operations = Operations("http://api", RETRIES, 30)
    assert len(carry_out(operations.retry_job("1"), LOST).calls) == 1
    assert carry_out(operations.retry_job("1"), unsent, answer(202, make_job("queued"))).result is not None


def test_an_error_of_a_proxy_or_a_redirection_is_told_without_a_problem_document() -> None:
    response = httpx.Response(301, headers={"Location": "https://api/v1"}, request=httpx.Request("GET", "http://api"))
    error = try_call(response).error
    assert isinstance(error, ApiError)
    assert str(error) == "redirected to https://api/v1"
    assert error.code == "http_error"


def test_the_answer_of_a_wait_is_not_waited_for_beyond_its_end() -> None:
    call, end = Call("GET", "/", held_s=60, timeout_s=30), time.monotonic() + 1
    assert Patience(None, end, is_deadline=True).choose_timeout_s(call) == pytest.approx(6, abs=0.5)
    assert Patience(None, end).choose_timeout_s(call) == 90
