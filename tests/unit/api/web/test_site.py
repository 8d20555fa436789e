"""Who reaches which page, and what every page keeps to."""

import html
import re
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from apiflask import APIFlask
from structlog.testing import capture_logs

from api.core.error_codes import ERROR_KINDS
from api.core.sessions import COOKIE
from api.web.site import EVERYBODY, find_needed_role
from db.core.vocabulary import Role
from db.model_versions.tables import ModelVersion
from emoscope.settings import Settings
from tests.support.visitors import LISTS, OFFICE, WORK, Visitor

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def list_rules(app: APIFlask) -> list[tuple[str, str, object]]:
    """Method, path and needed role of every page."""
    found: list[tuple[str, str, object]] = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("pages."):
            path = rule.rule.replace("<int:number>", "1").replace("<name>", "ana").replace("<prefix>", "emo_x")
            path = re.sub(r"<uuid:\w+>", str(uuid4()), path)
            found += [
                (method, path, find_needed_role(app, rule.endpoint))
                for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
            ]
    return found


def test_every_page_says_who_may_reach_it(app: APIFlask) -> None:
    rules = list_rules(app)
    assert len(rules) > 30
    assert [rule for rule in rules if rule[2] != EVERYBODY and not isinstance(rule[2], Role)] == []


def test_no_page_but_the_sign_in_and_the_notice_is_open_to_everybody(app: APIFlask) -> None:
    open_to_all = {path for _, path, needed in list_rules(app) if needed == EVERYBODY}
    assert {path.rsplit("/", 1)[0] if path.count("/") > 1 else path for path in open_to_all} == {"/sign-in", "/notice"}


def test_without_a_session_every_page_leads_to_the_sign_in(app: APIFlask) -> None:
    client = app.test_client()
    for method, path, needed in list_rules(app):
        if needed != EVERYBODY:
            response = client.open(path, method=method)
            assert (response.status_code, response.location.partition("?")[0]) == (302, "/sign-in"), path


def test_each_role_is_refused_what_needs_more(app: APIFlask, viewer: Visitor, reviewer: Visitor) -> None:
    for visitor, role in ((viewer, Role.VIEWER), (reviewer, Role.REVIEWER)):
        for method, path, needed in list_rules(app):
            if isinstance(needed, Role) and not role.covers(needed):
                response = visitor.client.open(path, method=method, data={"csrf_token": visitor.csrf_token})
                assert response.status_code == 403, (role, method, path)
                assert needed.value in response.text


def test_nothing_changes_without_the_proof_of_a_form(app: APIFlask, administrator: Visitor) -> None:
    for method, path, needed in list_rules(app):
        if method == "POST" and needed != EVERYBODY:
            for csrf_token in ("", "0" * 64):
                response = administrator.client.post(path, data={"csrf_token": csrf_token})
                assert response.status_code == 403, path
    assert administrator.get("/dashboard")


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://evil.example"}]
)
def test_forms_of_other_sites_are_refused_even_with_the_proof(administrator: Visitor, headers: dict[str, str]) -> None:
    fields = {"csrf_token": administrator.csrf_token, "application": "shop", "scope": "submit"}
    assert administrator.client.post("/access/keys", data=fields, headers=headers).status_code == 403
    assert administrator.client.post("/access/keys", data=fields).status_code == 303


def test_the_policy_lets_a_page_load_nothing_from_elsewhere_and_run_nothing_inline(
    administrator: Visitor, champion: ModelVersion
) -> None:
    for path in (*LISTS, *WORK, *OFFICE, "/account", "/models/1", "/models/champion", "/nowhere-at-all"):
        response = administrator.client.get(path, follow_redirects=True)
        policy = dict(part.split(" ", 1) for part in response.headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy.get("script-src", "'self'") == policy.get("style-src", "'self'") == "'self'"
        text = response.text
        assert re.findall(r'(?:src|href|action)="(?:https?:)?//[^"]*', text) == [], path
        assert re.findall(r"<script(?![^>]*src=)|<style|style=\"|\son\w+=\"", text) == [], path


def test_pages_are_kept_by_no_cache_and_tell_other_sites_nothing(viewer: Visitor) -> None:
    headers = viewer.client.get("/jobs").headers
    assert headers["Cache-Control"] == "private, no-store"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"


def test_a_mistake_is_told_as_a_page(viewer: Visitor) -> None:
    response = viewer.client.get(f"/jobs/{uuid4()}")
    assert (response.status_code, response.mimetype) == (404, "text/html")
    assert "There is no such job" in response.text
    assert viewer.client.get("/jobs?status=lost").status_code == 422
    for number in (9, 2**40):
        response = viewer.client.get(f"/models/{number}")
        assert (response.status_code, f"There is no model version {number}" in response.text) == (404, True)


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/jobz", 404),
        ("/jobs/xyz", 404),
        ("/sign-out", 405),
        ("/docs/assets/1/x.js", 404),
        ("/static/1/x.js", 404),
        ("/v1x", 404),
    ],
)
def test_a_browser_is_shown_a_page_where_there_is_none(app: APIFlask, path: str, status: int) -> None:
    client = app.test_client()
    response = client.get(path, headers={"Accept": BROWSER})
    assert (response.status_code, response.mimetype) == (status, "text/html")
    assert "<h1>Not " in response.text
    assert "Go to the start page" in response.text
    assert (response.headers["Cache-Control"], response.headers["Vary"]) == ("private, no-store", "Accept")
    assert ("Allow" in response.headers) is (status == 405)
    for accept in (None, "*/*", "application/json", "application/problem+json, text/html;q=0.5"):
        response = client.get(path, headers={"Accept": accept} if accept else {})
        assert (response.status_code, response.mimetype) == (status, "application/problem+json"), accept
        assert ("Allow" in response.headers) is (status == 405)


@pytest.mark.parametrize("path", ["/v1", "/v1/nothing", "/v1/jobs/xyz"])
def test_under_the_apis_address_a_browser_is_told_a_problem(app: APIFlask, path: str) -> None:
    response = app.test_client().get(path, headers={"Accept": BROWSER})
    assert (response.status_code, response.mimetype) == (404, "application/problem+json")


def test_a_page_says_itself_what_is_not_there(viewer: Visitor) -> None:
    for accept in (BROWSER, "application/json"):
        response = viewer.client.get(f"/jobs/{uuid4()}", headers={"Accept": accept})
        assert (response.status_code, "There is no such job" in response.text) == (404, True)


def test_a_fault_of_the_store_is_logged_and_its_paths_are_not_shown(
    viewer: Visitor, submit: Callable[..., str], settings: Settings
) -> None:
    job_id = submit()
    photos = Path(settings.effective_blob_url) / "photos"
    (photos / job_id).write_bytes(b"something else")

    def read_fault(code: str) -> str:
        with capture_logs() as logs:
            response = viewer.client.get(f"/jobs/{job_id}/preview")
        kind, text = ERROR_KINDS[code], html.unescape(response.text)
        assert (response.status_code, response.mimetype) == (kind.status, "text/html")
        assert kind.meaning in text
        assert job_id not in text
        assert str(photos) not in text
        assert response.headers["X-Request-ID"] in text
        [line] = [line for line in logs if line["event"] == code]
        return str(line["reason"])

    assert job_id in read_fault("blob_damaged")
    (photos / job_id).unlink()
    photos.rmdir()
    photos.write_text("not a folder")
    assert str(photos) in read_fault("blob_store_unavailable")


def test_a_database_that_is_away_is_told_as_a_page_to_who_is_signed_in_too(
    viewer: Visitor, open_app: Callable[..., APIFlask]
) -> None:
    away = open_app(database_url="sqlite:////nowhere/at/all.db").test_client()
    session = viewer.client.get_cookie(COOKIE)
    assert session is not None
    away.set_cookie(COOKIE, session.value)
    for path in ("/dashboard", "/sign-in"):
        response = away.get(path)
        assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
        assert "The database doesn't answer" in html.unescape(response.text)


SCRIPT = {"Accept": "application/problem+json, text/html;q=0.9"}


def test_a_script_is_told_a_problem_in_place_of_a_page(app: APIFlask, viewer: Visitor, reviewer: Visitor) -> None:
    for client in (app.test_client(), reviewer.client):  # no session, and no CSRF token
        response = client.post("/review/votes", data={"face_id": str(uuid4()), "choice": "sad"}, headers=SCRIPT)
        assert (response.status_code, response.mimetype) == (401, "application/problem+json")
        assert response.get_json()["code"] == "unauthorized"
    fields = {"face_id": str(uuid4()), "choice": "sad", "csrf_token": reviewer.csrf_token}
    response = reviewer.client.post("/review/votes", data=fields, headers=SCRIPT)
    assert (response.status_code, response.get_json()["code"]) == (404, "unknown_face")
    response = viewer.client.get("/review/statistics", headers=SCRIPT)
    assert (response.status_code, response.mimetype) == (403, "application/problem+json")
    assert "reviewer" in response.get_json()["detail"]
    assert viewer.client.get("/jobs", headers=SCRIPT).mimetype == "text/html"
