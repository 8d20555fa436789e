"""The terms of a key in a request."""

from datetime import UTC, datetime

from emoscope_client.keys import describe_terms


def test_terms_that_are_none_are_left_out() -> None:
    moment = datetime(2027, 3, 1, tzinfo=UTC)
    assert describe_terms({"expires_at": moment, "daily_quota": 0, "rate_limit": None}) == {
        "expires_at": "2027-03-01T00:00:00+00:00",
        "daily_quota": 0,
    }
