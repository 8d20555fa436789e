"""Public pages know the signed-in user, and are shown although the database is down."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from api.web import context
from api.web.context import find_known_person
from db.core.vocabulary import Role
from tests.support.visitors import Visitor

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_the_start_page_offers_a_try_to_who_may(app: Flask, visit: Callable[[Role], Visitor]) -> None:
    stranger = app.test_client().get("/").text
    assert ">Sign in</a>" in stranger
    assert 'id="try"' not in stranger
    assert 'id="try"' not in visit(Role.VIEWER).get("/")
    reviewer = visit(Role.REVIEWER).get("/")
    assert 'id="try"' in reviewer
    assert 'aria-label="Main"' in reviewer
    assert ">Sign in</a>" not in reviewer


def test_an_unknown_address_looks_like_the_other_pages(app: Flask, visit: Callable[[Role], Visitor]) -> None:
    wanted = {"Accept": "text/html"}
    page = visit(Role.VIEWER).client.get("/nothing-is-here", headers=wanted)
    assert (page.status_code, "Go to the dashboard" in page.text, "Audit log" in page.text) == (404, True, False)
    stranger = app.test_client().get("/nothing-is-here", headers=wanted).text
    assert "Go to the start page" in stranger
    assert "Error codes</a>" in stranger


def test_without_a_database_nobody_is_known(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OperationalError("SELECT 1", {}, Exception("away"))

    monkeypatch.setattr(context, "find_person", fail)
    with app.test_request_context("/"):
        assert find_known_person() is None
    assert app.test_client().get("/docs").status_code == 200
