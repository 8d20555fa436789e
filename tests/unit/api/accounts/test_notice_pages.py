"""The privacy notice: public, and showing only the name and purpose of an application."""

from uuid import UUID, uuid4

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from db.accounts import api_keys
from db.core.actors import Actor
from db.core.session import Database
from db.core.vocabulary import Purpose

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

NAME = "<b>shop & sons</b>"


@pytest.fixture
def visitor(app: APIFlask) -> FlaskClient:
    """Somebody who is not signed in."""
    return app.test_client()


def add(database: Database, purpose: Purpose | None = None) -> UUID:
    with database.write() as session:
        application = api_keys.ensure_application(session, NAME)
        if purpose is not None:
            api_keys.declare_purpose(session, application, purpose, Actor.user("ana"))
        return application.id


def test_everybody_reads_what_is_done_and_what_is_not(visitor: FlaskClient) -> None:
    answer = visitor.get("/notice")
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    for claim in ("appears to express", "doesn't recognise people", "5(1)(f)", "erase"):
        assert claim in answer.text
    assert "uses Emoscope" not in answer.text


def test_the_notice_of_an_application_names_it_and_its_purpose(visitor: FlaskClient, database: Database) -> None:
    path = f"/notice/{add(database)}"
    text = visitor.get(path).text
    assert "&lt;b&gt;shop &amp; sons&lt;/b&gt;</strong> uses Emoscope." in text
    assert "for this purpose" not in text
    add(database, Purpose.MEDIA)
    assert "for this purpose: media" in visitor.get(path).text


def test_an_application_that_is_not_there_is_not_found(visitor: FlaskClient) -> None:
    for path in (f"/notice/{uuid4()}", "/notice/shop", "/notice/all"):
        answer = visitor.get(path)
        assert answer.status_code == 404
        assert "uses Emoscope" not in answer.text


def test_the_notice_sets_no_cookie_and_may_be_linked_to(visitor: FlaskClient, database: Database) -> None:
    answer = visitor.get(f"/notice/{add(database)}", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
