"""The account page: password and sessions."""

import html
import re
from collections.abc import Callable

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from api.core.sessions import COOKIE
from db.accounts import passwords, sign_in, users
from db.accounts.sessions import make_id
from db.core.session import Database
from db.core.vocabulary import Role
from tests.support.markup import flatten
from tests.support.visitors import PASSWORD, Visitor

NEW = "battery staple correct"


@pytest.fixture
def enter(app: APIFlask, database: Database) -> Callable[[str], FlaskClient]:
    """Opens another browser in which a person is signed in."""

    def sign(name: str) -> FlaskClient:
        with database.write() as session:
            token = sign_in.open_session(session, users.get_user(session, name), lifetime_s=3600)
        client = app.test_client()
        client.set_cookie(COOKIE, token)
        return client

    return sign


def read_id(client: FlaskClient) -> str:
    cookie = client.get_cookie(COOKIE)
    assert cookie is not None
    return make_id(cookie.value)


def is_in(client: FlaskClient) -> bool:
    return client.get("/dashboard").status_code == 200


def change(visitor: Visitor, present: str = PASSWORD, new: str = NEW, again: str | None = None) -> tuple[int, str]:
    status, text = visitor.post("/account", present=present, new=new, again=new if again is None else again)
    return status, html.unescape(text)


@pytest.mark.parametrize("role", Role)
def test_every_role_changes_its_own_password_and_stays_signed_in_here_alone(
    visit: Callable[[Role], Visitor], enter: Callable[[str], FlaskClient], database: Database, role: Role
) -> None:
    visitor = visit(role)
    other = enter(role.value)
    assert 'href="/account"' in visitor.get("/dashboard")
    assert is_in(other)
    assert change(visitor) == (303, "/account")
    assert "Password changed" in visitor.get("/account")
    assert not is_in(other)
    assert sign_in.authenticate(database, role.value, NEW).role is role


def test_a_persons_own_change_is_in_the_log_under_their_name(administrator: Visitor, reviewer: Visitor) -> None:
    change(reviewer)
    log = administrator.get("/audit", subject="user:reviewer", actor="reviewer")
    assert "<code>user.change_password</code>" in log
    assert NEW not in log


@pytest.mark.parametrize(
    ("fields", "status", "sentence", "wrong_field"),
    [
        ({"present": "wrong"}, 403, "The current password is wrong.", "present"),
        ({"again": NEW + "!"}, 422, "The new passwords don't match.", "again"),
        ({"new": "short"}, 422, "a password needs 12 to 1000 characters, not 5.", "new"),
        ({"new": "x" * 1001}, 422, "a password needs 12 to 1000 characters, not 1001.", "new"),
        ({"present": "", "new": ""}, 422, "not 0.", "new"),
    ],
)
def test_each_mistake_is_told_at_its_field_and_changes_nothing(
    viewer: Visitor,
    enter: Callable[[str], FlaskClient],
    database: Database,
    fields: dict[str, str],
    status: int,
    sentence: str,
    wrong_field: str,
) -> None:
    other = enter("viewer")
    given, text = change(viewer, **fields)
    assert (given, sentence in text) == (status, True), text
    assert re.findall(r'<input name="(\w+)"[^>]*aria-describedby="problem"', flatten(text)) == [wrong_field]
    assert read_id(other) in text  # the rest of the page is there as before
    for secret in filter(None, (NEW, *fields.values())):
        assert f'value="{secret}"' not in text
    assert is_in(other)
    assert sign_in.authenticate(database, "viewer", PASSWORD).name == "viewer"


def test_too_many_wrong_present_passwords_lock_as_at_the_sign_in(viewer: Visitor, app: APIFlask) -> None:
    assert [change(viewer, present="wrong")[0] for _ in range(5)] == [403] * 5
    status, text = change(viewer)
    assert (status, "Too many wrong passwords. Try again after" in text) == (429, True)
    assert is_in(viewer.client)
    answer = app.test_client().post("/sign-in", data={"name": "viewer", "password": PASSWORD})
    assert answer.status_code == 429


def test_a_change_that_finds_no_place_says_when_to_try_again(viewer: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_LONGEST_WAIT_S", 0.0)
    fields = {"csrf_token": viewer.csrf_token, "present": PASSWORD, "new": NEW, "again": NEW}
    with passwords.take_slot("a"), passwords.take_slot("b"):
        answer = viewer.client.post("/account", data=fields)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "Try again in some seconds." in answer.text
    assert change(viewer)[0] == 303


def test_the_page_lists_ones_own_sessions_and_marks_this_one(
    viewer: Visitor, reviewer: Visitor, enter: Callable[[str], FlaskClient]
) -> None:
    assert "End all others" not in viewer.get("/account")
    other = enter("viewer")
    rows = re.findall(r"<tr>\s*<td data-label.*?</tr>", viewer.get("/account"), re.DOTALL)
    assert [("this one" in row, read_id(other) in row) for row in rows] == [(False, True), (True, False)]
    assert "End all others" in viewer.get("/account")
    assert len(re.findall(r"<tr>\s*<td data-label", reviewer.get("/account"))) == 1


def test_one_other_session_is_ended(viewer: Visitor, enter: Callable[[str], FlaskClient]) -> None:
    ended, kept = enter("viewer"), enter("viewer")
    assert viewer.post(f"/account/sessions/{read_id(ended)}/end") == (303, "/account")
    assert [is_in(client) for client in (ended, kept, viewer.client)] == [False, True, True]
    status, text = viewer.post(f"/account/sessions/{read_id(ended)}/end")
    assert (status, "no session with this id" in text) == (404, True)


def test_all_other_sessions_are_ended(viewer: Visitor, reviewer: Visitor, enter: Callable[[str], FlaskClient]) -> None:
    others = [enter("viewer"), enter("viewer")]
    assert viewer.post("/account/sessions/end-others") == (303, "/account")
    assert [is_in(client) for client in (*others, viewer.client, reviewer.client)] == [False, False, True, True]


def test_nobody_ends_another_persons_session(administrator: Visitor, viewer: Visitor) -> None:
    for session_id in (read_id(viewer.client), "xyz"):
        assert administrator.post(f"/account/sessions/{session_id}/end")[0] == 404
    assert is_in(viewer.client)
