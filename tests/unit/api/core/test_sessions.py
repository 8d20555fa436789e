"""Origin checks and CSRF tokens."""

from uuid import uuid4

import pytest
from flask import Flask, request

from api.core.sessions import HEADER, Person, _make_csrf_token, has_csrf_token, is_same_origin
from db.core.vocabulary import Role

APP = Flask("test")


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        ({}, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://api"}, False),
        ({"Origin": "http://api"}, True),
        ({"Origin": "https://api"}, True),
        ({"Origin": "http://api.evil"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://api:81"}, False),
    ],
)
def test_a_browser_says_where_a_request_comes_from(headers: dict[str, str], *, is_ours: bool) -> None:
    with APP.test_request_context("/", base_url="http://api", headers=headers):
        assert is_same_origin(request) == is_ours


def test_the_proof_is_the_sessions_own_and_comes_by_header_outside_the_pages() -> None:
    person = Person(uuid4(), "ana", Role.VIEWER, _make_csrf_token("cookie"), "id")
    for given, is_proof in ((person.csrf_token, True), (_make_csrf_token("other"), False), ("é", False)):
        with APP.test_request_context("/", headers={HEADER: given}):
            assert has_csrf_token(person, request) == is_proof
    with APP.test_request_context("/", method="POST", data={"csrf_token": person.csrf_token}):
        assert not has_csrf_token(person, request)
