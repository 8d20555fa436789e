"""Rate limits, counted in a real Valkey."""

from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from api.core.limits import RateLimiter

RATE = "3/minute"


@pytest.fixture
def limiter(valkey: Any) -> Any:
    made = RateLimiter(valkey.redis_url, RATE)
    yield made
    made.close()


def test_a_key_may_make_its_requests_and_no_more(limiter: RateLimiter) -> None:
    counted = [limiter.count("one") for _ in range(4)]
    assert [allowance is not None and allowance.is_allowed for allowance in counted] == [True, True, True, False]
    assert [allowance and allowance.remaining for allowance in counted] == [2, 1, 0, 0]
    other = limiter.count("two")
    assert other is not None
    assert other.is_allowed


def test_processes_count_together(limiter: RateLimiter, valkey: Any) -> None:
    other = RateLimiter(valkey.redis_url, RATE)
    for counting in (limiter, other, limiter):
        counting.count("one")
    allowance = other.count("one")
    assert allowance is not None
    assert not allowance.is_allowed
    other.close()


def test_without_a_rate_there_is_no_limit(valkey: Any) -> None:
    assert RateLimiter(valkey.redis_url, "").count("one") is None


def test_a_rate_that_is_none_is_refused(valkey: Any) -> None:
    with pytest.raises(ValueError, match="rate"):
        RateLimiter(valkey.redis_url, "many")


def test_while_the_queue_is_down_everything_is_allowed() -> None:
    limiter = RateLimiter("redis://127.0.0.1:1/0", RATE)
    assert [limiter.count("one") for _ in range(5)] == [None] * 5


def test_photos_of_a_day_are_taken_and_given_back(limiter: RateLimiter) -> None:
    assert [limiter.take_photos("one", 2, 3) for _ in range(2)] == [None, 1]
    limiter.give_back_photos("one", 2)
    assert limiter.take_photos("one", 3, 3) is None
    assert limiter.take_photos("one", 1, 3) == 0
    assert limiter.take_photos("two", 1, 3) is None


def test_what_was_taken_on_another_day_adds_nothing_to_this_one(limiter: RateLimiter) -> None:
    limiter.give_back_photos("one", 5)
    assert limiter.take_photos("one", 4, 3) == 3


def test_a_quota_limits_nothing_while_the_queue_is_down() -> None:
    limiter = RateLimiter("redis://127.0.0.1:1/0", RATE)
    assert limiter.take_photos("one", 5, 1) is None
    limiter.give_back_photos("one", 5)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_answer_says_how_many_are_left_and_when_to_come_back(
    open_app: Callable[..., APIFlask], make_client: Callable[[APIFlask, str], FlaskClient]
) -> None:
    app = open_app(rate_limit=RATE)
    client = make_client(app, "shop")
    responses = [client.get("/v1/jobs") for _ in range(4)]
    assert [response.status_code for response in responses] == [200, 200, 200, 429]
    assert responses[0].headers["RateLimit-Policy"] == '"key";q=3;w=60'
    assert responses[0].headers["RateLimit"].startswith('"key";r=2;t=')
    assert responses[3].get_json()["code"] == "rate_limited"
    assert 0 < int(responses[3].headers["Retry-After"]) <= 60
    assert make_client(app, "rival").get("/v1/jobs").status_code == 200
    assert app.test_client().get("/healthz").status_code == 200
