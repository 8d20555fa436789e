"""Refused forms keep their input, and messages are shown once."""

from http import HTTPStatus
from typing import Any

import pytest
from flask import Blueprint, Flask, Response, abort, redirect, request
from flask.testing import FlaskClient

from api.web.forms import (
    ONCE_COOKIE,
    FieldRefused,
    find_refused,
    forget_once,
    read_once,
    refills,
    show_once,
)
from db.core.errors import DomainError


class NameTaken(DomainError):
    """The name is taken."""

    code = "name_taken"
    status = HTTPStatus.CONFLICT
    title = "Name taken"
    meaning = "The name is taken."


class StoreAway(DomainError):
    """The store is away."""

    code = "store_away"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "Store away"
    meaning = "The store is away."


FAULTS = {
    "field": FieldRefused("colour", "there is no such colour"),
    "taken": NameTaken("'ana' is taken!"),
    "away": StoreAway("/data/blobs on host db-7 is away"),
}


@pytest.fixture
def client() -> FlaskClient:
    """A page with a form, in an application of its own."""
    blueprint = Blueprint("shop", __name__)

    @blueprint.get("/shop/<name>")
    def show(name: str) -> dict[str, Any]:
        refused = find_refused()
        if refused is None:
            return {"name": name, "once": read_once()}
        return {
            "name": name,
            "form": refused.form,
            "told": [refused.is_told, refused.tell(), refused.is_told],
            "field": refused.field,
            "values": [refused.list_values("colour"), refused.list_values("nothing")],
            "page_url": refused.page_url,
        }

    @blueprint.post("/shop/<name>/<what>")
    @refills(show, "add-{what}", name=NameTaken)
    def add(name: str, what: str) -> Any:
        fault = request.form["fault"]
        if fault.isdecimal():
            abort(int(fault), "so it is")
        if fault in FAULTS:
            raise FAULTS[fault]
        return show_once(redirect(f"/shop/{name}"), done=what, secret="s\N{SNOWMAN}")

    @blueprint.after_request
    def forget(response: Response) -> Response:
        if "as_page" in request.args:
            response.mimetype = "text/html"
        forget_once(response)
        return response

    app = Flask(__name__)
    app.register_blueprint(blueprint)
    return app.test_client()


def send(client: FlaskClient, fault: str) -> Any:
    return client.post("/shop/ana/coat", data={"fault": fault, "colour": ["red", "blue"]})


@pytest.mark.parametrize(
    ("fault", "status", "field", "detail"),
    [
        ("field", 422, "colour", "There is no such colour."),
        ("taken", 409, "name", "'ana' is taken!"),
        ("away", 503, None, "The store is away."),  # no path and no host
        ("429", 429, None, "So it is."),
    ],
)
def test_the_page_is_shown_again_with_what_was_sent(
    client: FlaskClient, fault: str, status: int, field: str | None, detail: str
) -> None:
    answer = send(client, fault)
    assert answer.status_code == status
    assert answer.get_json() == {
        "name": "ana",
        "form": "add-coat",
        "told": [False, detail, True],
        "field": field,
        "values": [["red", "blue"], []],
        "page_url": "/shop/ana",
    }


@pytest.mark.parametrize("status", [400, 403, 404, 413, 500])
def test_what_nobody_can_mend_in_a_form_is_an_error_page(client: FlaskClient, status: int) -> None:
    answer = send(client, str(status))
    assert (answer.status_code, answer.mimetype) == (status, "text/html")
    assert "add-coat" not in answer.text


def test_what_is_shown_once_comes_through_the_redirect_and_is_forgotten_then(client: FlaskClient) -> None:
    moved = send(client, "none")
    assert moved.status_code == 302
    assert "coat" not in moved.headers["Location"]
    cookie = moved.headers["Set-Cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=Strict", "Max-Age=120", "Path=/"))
    assert "Secure" not in cookie
    once = {"done": "coat", "secret": "s\N{SNOWMAN}"}
    assert client.get("/shop/ana").get_json()["once"] == once  # no page: it has shown nothing
    client.get("/shop/ana?as_page=1", headers={"Sec-Fetch-Dest": "image"})  # a picture on the page before
    assert client.get_cookie(ONCE_COOKIE) is not None
    assert '"done":"coat"' in client.get("/shop/ana?as_page=1").text
    assert client.get_cookie(ONCE_COOKIE) is None
    assert client.get("/shop/ana").get_json()["once"] == {}


def test_over_tls_the_cookie_goes_over_tls_alone(client: FlaskClient) -> None:
    data = {"fault": "none"}
    moved = client.post("/shop/ana/coat", data=data, base_url="https://localhost")
    assert "Secure" in moved.headers["Set-Cookie"]


@pytest.mark.parametrize("cookie", ["", "odd", "bm8ganNvbg==", "WzEsIDJd", "\N{SNOWMAN}".encode().decode("latin-1")])
def test_a_cookie_that_is_none_of_ours_shows_nothing(client: FlaskClient, cookie: str) -> None:
    client.set_cookie(ONCE_COOKIE, cookie)
    assert client.get("/shop/ana").get_json()["once"] == {}
