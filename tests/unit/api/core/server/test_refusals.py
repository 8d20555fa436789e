"""Errors sent by the server itself."""

import json

import pytest
from structlog.testing import capture_logs

from api.core.server.refusals import Refusal


def test_a_refusal_is_a_problem_with_a_code_and_one_log_line() -> None:
    with capture_logs() as logs:
        status, headers, body = Refusal("request_timeout", "too slow").make_answer()
    problem, found = json.loads(body), dict(headers)
    assert (status, problem["code"], problem["status"], problem["detail"]) == (408, "request_timeout", 408, "too slow")
    assert found[b"Content-Type"] == b"application/problem+json"
    assert int(found[b"Content-Length"]) == len(body)
    assert found[b"X-Request-ID"].decode() == problem["request_id"] == logs[0]["request_id"]
    assert len(logs) == 1


def test_a_busy_server_says_when_to_come_again_and_others_do_not() -> None:
    with capture_logs() as logs:
        answers = [Refusal(code, "no").make_answer(is_logged=False) for code in ("server_busy", "bad_request")]
    assert [dict(headers).get(b"Retry-After") for _, headers, _ in answers] == [b"5", None]
    assert not logs


def test_only_codes_that_are_explained_can_be_sent() -> None:
    with pytest.raises(KeyError):
        Refusal("no_such_code", "no")
    assert Refusal("http_error", "no", status=431).make_answer(is_logged=False)[0] == 431
