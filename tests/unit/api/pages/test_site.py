"""Who reaches which page, and what every page keeps to."""

import html
import io
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from sqlalchemy import select
from structlog.testing import capture_logs

from api.error_codes import ERROR_KINDS
from api.pages.site import EVERYBODY, find_needed_role
from api.sessions import COOKIE
from db import passwords, users
from db.audit import AuditFilter, list_changes
from db.columns import utcnow
from db.models import ModelVersion
from db.models_users import UserSession
from db.session import Database
from db.vocabulary import Role
from emoscope.settings import Settings
from tests.unit.api.conftest import PlayedWorker
from tests.unit.api.pages.conftest import PASSWORD, Visitor

LISTS = ("/dashboard", "/jobs", "/models", "/training", "/drift")
WORK = ("/review", "/try")
OFFICE = ("/access", "/audit")

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def list_rules(app: APIFlask) -> list[tuple[str, str, object]]:
    """Method, path and needed role of every page."""
    found = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("pages."):
            path = rule.rule.replace("<int:number>", "1").replace("<name>", "ana").replace("<prefix>", "emo_x")
            path = re.sub(r"<uuid:\w+>", str(uuid4()), path)
            found += [
                (method, path, find_needed_role(app, rule.endpoint)) for method in rule.methods - {"HEAD", "OPTIONS"}
            ]
    return found


def test_every_page_says_who_may_reach_it(app: APIFlask) -> None:
    rules = list_rules(app)
    assert len(rules) > 30
    assert [rule for rule in rules if rule[2] != EVERYBODY and not isinstance(rule[2], Role)] == []


def test_no_page_but_the_sign_in_is_open_to_everybody(app: APIFlask) -> None:
    assert {path for _, path, needed in list_rules(app) if needed == EVERYBODY} == {"/sign-in"}


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
                response = visitor.client.open(path, method=method, data={"csrf_token": visitor.proof})
                assert response.status_code == 403, (role, method, path)
                assert needed.value in response.text


def test_each_role_sees_its_pages_in_the_menu(viewer: Visitor, reviewer: Visitor, administrator: Visitor) -> None:
    for visitor, paths in ((viewer, LISTS), (reviewer, LISTS + WORK), (administrator, LISTS + WORK + OFFICE)):
        menu = visitor.get("/dashboard").partition('aria-label="Main"')[2].partition("</nav>")[0]
        assert set(re.findall(r'href="([^"]+)"', menu)) == set(paths)
        for path in paths:
            assert "<h1>" in visitor.get(path)


def test_nothing_changes_without_the_proof_of_a_form(app: APIFlask, administrator: Visitor) -> None:
    for method, path, needed in list_rules(app):
        if method == "POST" and needed != EVERYBODY:
            for proof in ("", "0" * 64):
                response = administrator.client.post(path, data={"csrf_token": proof})
                assert response.status_code == 403, path
    assert administrator.get("/dashboard")


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://evil.example"}]
)
def test_forms_of_other_sites_are_refused_even_with_the_proof(administrator: Visitor, headers: dict[str, str]) -> None:
    fields = {"csrf_token": administrator.proof, "application": "shop", "scope": "submit"}
    assert administrator.client.post("/access/keys", data=fields, headers=headers).status_code == 403
    assert administrator.client.post("/access/keys", data=fields).status_code == 200


def test_the_policy_lets_a_page_load_nothing_from_elsewhere_and_run_nothing_inline(
    administrator: Visitor, champion: ModelVersion
) -> None:
    for path in (*LISTS, *WORK, *OFFICE, "/models/1", "/models/champion", "/nowhere-at-all"):
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
    [("/jobz", 404), ("/jobs/xyz", 404), ("/sign-out", 405), ("/docs/assets/x.js", 404), ("/v1x", 404)],
)
def test_a_browser_is_shown_a_page_where_there_is_none(app: APIFlask, path: str, status: int) -> None:
    client = app.test_client()
    response = client.get(path, headers={"Accept": BROWSER})
    assert (response.status_code, response.mimetype) == (status, "text/html")
    assert "<h1>Not " in response.text
    assert "Go to the dashboard" in response.text
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


def test_the_session_reaches_the_api_with_the_scopes_of_the_role(
    viewer: Visitor, reviewer: Visitor, photo: bytes
) -> None:
    proof = {"X-CSRF-Token": reviewer.proof}
    assert viewer.client.post("/v1/jobs", data=photo, headers={"X-CSRF-Token": viewer.proof}).status_code == 403
    assert viewer.client.get("/v1/model-versions").status_code == 200
    assert reviewer.client.post("/v1/jobs", data=photo).status_code == 401
    submitted = reviewer.client.post("/v1/jobs", data=photo, headers=proof)
    assert submitted.status_code == 202
    assert reviewer.client.get(submitted.location).get_json()["id"] == submitted.get_json()["id"]
    forged = proof | {"Sec-Fetch-Site": "cross-site"}
    assert reviewer.client.post("/v1/jobs", data=photo, headers=forged).status_code == 401


def test_a_viewer_reads_over_the_api_what_the_pages_show(
    viewer: Visitor, submit: Callable[..., str], worker: PlayedWorker, champion: ModelVersion
) -> None:
    job_id = submit()
    worker.analyze(job_id, worker.see())
    job = viewer.client.get(f"/v1/jobs/{job_id}").get_json()
    listed = viewer.client.get("/v1/jobs?application=all").get_json()["items"]
    assert [each["id"] for each in listed] == [job_id]
    assert viewer.client.get("/v1/jobs").get_json()["items"] == []  # what people submitted themselves
    number = champion.number
    for path in (
        "/v1/jobs?application=shop",
        f"/v1/jobs/{job_id}/events",
        job["photo"]["url"],
        job["faces"][0]["crop_url"],
        "/v1/drift",
        "/v1/dashboard",
        f"/v1/model-versions/{number}/compare/{number}",
        "/v1/training-runs",
        "/v1/promotions",
    ):
        assert viewer.client.get(path).status_code == 200, path
    for path in ("/v1/reviews/votes", "/v1/reviews/statistics", "/v1/users", "/v1/keys", "/v1/changes"):
        assert viewer.client.get(path).get_json()["code"] == "scope_missing", path


@pytest.mark.parametrize("role", Role)
def test_over_the_api_a_person_may_do_with_a_job_what_the_pages_allow(
    visit: Callable[[Role], Visitor], submit: Callable[..., str], role: Role
) -> None:
    visitor = visit(role)
    headers = {"X-CSRF-Token": visitor.proof}
    for do, path, needed in (
        ("POST", "retry", Role.REVIEWER),
        ("POST", "cancel", Role.REVIEWER),
        ("DELETE", "", Role.ADMINISTRATOR),
    ):
        job = f"/v1/jobs/{submit()}"
        answer = visitor.client.open(f"{job}/{path}".rstrip("/"), method=do, headers=headers)
        if role.covers(needed):
            assert answer.status_code < 300, (do, path)
        else:
            assert (answer.status_code, answer.get_json()["code"]) == (403, "scope_missing"), (do, path)
            assert visitor.client.get(job).get_json()["status"] == "queued"


def test_photos_that_people_tried_are_erased_by_administrators_alone(
    reviewer: Visitor, administrator: Visitor, photo: bytes
) -> None:
    submitted = administrator.client.post("/v1/jobs", data=photo, headers={"X-CSRF-Token": administrator.proof})
    refused = reviewer.client.delete(submitted.location, headers={"X-CSRF-Token": reviewer.proof})
    assert refused.get_json()["code"] == "scope_missing"
    erased = administrator.client.delete(submitted.location, headers={"X-CSRF-Token": administrator.proof})
    assert erased.status_code == 204


def test_the_first_visitor_is_told_how_to_make_a_person(app: APIFlask, database: Database, password_hash: str) -> None:
    client = app.test_client()
    assert "emoscope user create NAME --role administrator" in client.get("/sign-in").text
    with database.write() as session:
        users.create_user(session, "ana", password_hash, Role.VIEWER, actor="test")
    assert "emoscope user create" not in client.get("/sign-in").text


def sign_in(client: FlaskClient, password: str = PASSWORD, **query: str) -> tuple[int, str]:
    response = client.post("/sign-in", data={"name": "ana", "password": password}, query_string=query)
    return response.status_code, response.headers.get("Location", response.text)


@pytest.fixture
def stranger(app: APIFlask, database: Database, password_hash: str) -> FlaskClient:
    """Ana, before she signs in."""
    with database.write() as session:
        users.create_user(session, "ana", password_hash, Role.VIEWER, actor="test")
    return app.test_client()


def test_signing_in_leads_to_where_one_was_going_and_out_ends_it(stranger: FlaskClient) -> None:
    assert stranger.get("/jobs?status=failed").location == "/sign-in?next=/jobs?status%3Dfailed"
    assert sign_in(stranger, next="/jobs?status=failed") == (303, "/jobs?status=failed")
    cookie = stranger.get_cookie(COOKIE)
    assert cookie is not None
    assert cookie.http_only
    assert cookie.same_site == "Lax"
    found = re.search(r'name="csrf_token" value="(\w+)"', stranger.get("/dashboard").text)
    assert found is not None
    stranger.post("/sign-out", data={"csrf_token": found[1]})
    stranger.set_cookie(COOKIE, cookie.value)
    assert stranger.get("/dashboard").status_code == 302


def test_behind_a_proxy_with_a_prefix_every_address_begins_with_it(
    open_app: Callable[..., APIFlask], stranger: FlaskClient, administrator: Visitor, champion: ModelVersion
) -> None:
    client = open_app(trusted_proxies=1).test_client()
    client.environ_base["HTTP_X_FORWARDED_PREFIX"] = "/emo"
    assert client.get("/jobs?status=failed").location == "/emo/sign-in?next=/emo/jobs?status%3Dfailed"
    assert sign_in(client, next="/emo/jobs?status=failed") == (303, "/emo/jobs?status=failed")
    cookie = administrator.client.get_cookie(COOKIE)
    assert cookie is not None
    client.set_cookie(COOKIE, cookie.value)
    for path in (*LISTS, *WORK, *OFFICE, "/models/1"):
        text = client.get(path).text
        addresses = re.findall(r'\s(?:href|src|action|data-\w+-url)="([^"]*)"', text)
        assert len(addresses) > 10, path
        assert [each for each in addresses if not each.startswith(("/emo/", "#"))] == [], path


def test_a_session_lasts_as_long_as_the_setting_says(
    open_app: Callable[..., APIFlask], stranger: FlaskClient, database: Database
) -> None:
    client = open_app(session_lifetime_s=3600.0).test_client()
    assert sign_in(client) == (303, "/dashboard")
    cookie = client.get_cookie(COOKIE)
    assert cookie is not None
    assert cookie.max_age == 3600
    with database.write() as session:
        [opened] = session.scalars(select(UserSession))
        assert opened.expires_at - opened.created_at == pytest.approx(timedelta(hours=1), abs=timedelta(seconds=1))
        opened.expires_at = utcnow()
    assert client.get("/dashboard").status_code == 302


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_signing_in_never_leads_to_another_site(stranger: FlaskClient, target: str) -> None:
    assert sign_in(stranger, next=target) == (303, "/dashboard")


def test_wrong_passwords_lock_the_account(stranger: FlaskClient) -> None:
    statuses = [sign_in(stranger, "wrong")[0] for _ in range(5)]
    assert statuses == [403] * 5
    status, text = sign_in(stranger)
    assert status == 429
    assert "Too many wrong passwords" in text


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


def test_a_sign_in_that_finds_no_place_says_when_to_try_again(
    app: APIFlask, administrator: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "_LONGEST_WAIT_S", 0.0)
    with passwords.take_place(), passwords.take_place():
        answer = app.test_client().post("/sign-in", data={"name": "ana", "password": PASSWORD})
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert 'value="ana"' in answer.text
        person = {"name": "ben", "password": PASSWORD, "role": "viewer"}
        assert administrator.post("/access/users", **person)[0] == 503
        refused = administrator.client.post("/v1/users", json=person, headers={"X-CSRF-Token": administrator.proof})
        assert (refused.status_code, refused.get_json()["code"]) == (503, "passwords_busy")
        assert refused.headers["Retry-After"] == "5"
    assert administrator.post("/access/users", **person)[0] == 303


def test_a_password_for_the_proxy_does_not_hide_the_session_from_the_api(reviewer: Visitor, photo: bytes) -> None:
    headers = {"Authorization": "Basic ZW1vOng="}
    assert reviewer.client.get("/v1/model-versions", headers=headers).status_code == 200
    assert reviewer.client.post("/v1/jobs", data=photo, headers=headers).status_code == 401  # without the form's proof
    proof = {"X-CSRF-Token": reviewer.proof}
    assert reviewer.client.post("/v1/jobs", data=photo, headers=headers | proof).status_code == 202
    for key in ("Bearer emo_wrong", "bearer emo_wrong"):
        assert reviewer.client.get("/v1/model-versions", headers={"Authorization": key}).status_code == 401


def test_a_viewer_reads_batches_too_and_submits_none(
    viewer: Visitor, client: FlaskClient, other_client: FlaskClient, photo: bytes
) -> None:
    batch = client.post("/v1/batches", data={"image": (io.BytesIO(photo), "a.jpg")}).get_json()
    assert viewer.client.get(batch["url"]).get_json() == batch
    assert other_client.get(batch["url"]).status_code == 404
    form = {"image": (io.BytesIO(photo), "a.jpg")}
    assert viewer.client.post("/v1/batches", data=form, headers={"X-CSRF-Token": viewer.proof}).status_code == 403


@pytest.mark.parametrize("is_page", [False, True])
def test_what_a_person_does_to_a_job_is_logged_alike_over_the_api_and_on_the_pages(
    reviewer: Visitor, database: Database, photo: bytes, *, is_page: bool
) -> None:
    headers = {"X-CSRF-Token": reviewer.proof}
    job_id = reviewer.client.post("/v1/jobs", data=photo, headers=headers).get_json()["id"]
    for action in ("retry", "cancel"):
        done = reviewer.client.post(f"{'' if is_page else '/v1'}/jobs/{job_id}/{action}", headers=headers)
        assert done.status_code in {200, 202, 303}
    with database.read() as session:
        logged = list_changes(session, AuditFilter(actor="reviewer"))
    assert [change.action for change in logged] == ["job.cancel", "job.retry"]
    assert {change.subject for change in logged} == {f"job:{job_id}"}
    assert set(logged[1].details) == {"new_job"}


def test_what_an_application_does_to_its_own_job_is_not_logged(
    client: FlaskClient, database: Database, submit: Callable[..., str]
) -> None:
    assert client.post(f"/v1/jobs/{submit()}/cancel").status_code == 200
    with database.read() as session:
        assert list_changes(session, AuditFilter(action="job.cancel")) == []
