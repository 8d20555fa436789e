"""People, keys and the log of changes, over the API."""

from collections.abc import Callable

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.unit.api.conftest import PlayedWorker, Visitor

PASSWORD = "correct horse battery"


def test_a_key_without_the_scope_reads_and_changes_nothing(client: FlaskClient) -> None:
    for path in ("/v1/users", "/v1/keys", "/v1/changes"):
        assert client.get(path).get_json()["code"] == "scope_missing"
    assert client.post("/v1/keys", json={"application": "shop", "scopes": ["admin"]}).status_code == 403


def test_people_are_added_changed_and_logged(admin: FlaskClient) -> None:
    made = admin.post("/v1/users", json={"name": "Ben", "password": PASSWORD, "role": "viewer"})
    assert (made.status_code, made.get_json()["name"]) == (201, "ben")
    again = admin.post("/v1/users", json={"name": "ben", "password": PASSWORD, "role": "viewer"})
    assert (again.status_code, again.get_json()["code"]) == (422, "invalid_user")
    changed = admin.patch("/v1/users/ben", json={"role": "reviewer", "is_disabled": True})
    assert (changed.get_json()["role"], changed.get_json()["is_disabled"]) == ("reviewer", True)
    assert admin.patch("/v1/users/eva", json={}).get_json()["code"] == "unknown_user"
    assert [user["name"] for user in admin.get("/v1/users").get_json()["items"]] == ["ben"]
    log = admin.get("/v1/changes", query_string={"subject": "user:ben", "limit": 2}).get_json()
    assert [change["action"] for change in log["items"]] == ["user.disable", "user.change_role"]
    assert log["items"][0]["actor"] == "application:office"
    [first] = admin.get(log["next"]).get_json()["items"]
    assert first["action"] == "user.create"
    assert PASSWORD not in str(log) + str(first)


def test_the_last_administrator_is_neither_shut_out_nor_demoted(admin: FlaskClient) -> None:
    admin.post("/v1/users", json={"name": "eva", "password": PASSWORD, "role": "administrator"})
    for change in ({"is_disabled": True}, {"role": "viewer"}):
        refused = admin.patch("/v1/users/eva", json=change)
        assert (refused.status_code, refused.get_json()["code"]) == (409, "last_administrator")
    admin.post("/v1/users", json={"name": "max", "password": PASSWORD, "role": "administrator"})
    assert admin.patch("/v1/users/eva", json={"role": "viewer"}).get_json()["role"] == "viewer"


def test_a_key_is_made_listed_without_itself_and_revoked(admin: FlaskClient, app: APIFlask) -> None:
    key = admin.post("/v1/keys", json={"application": "kiosk", "scopes": ["submit"]}).get_json()["key"]
    headers = {"Authorization": f"Bearer {key}"}
    assert app.test_client().get("/v1/jobs", headers=headers).status_code == 200
    listed = admin.get("/v1/keys")
    assert key not in listed.text
    [mine] = [each for each in listed.get_json()["items"] if each["application"] == "kiosk"]
    assert admin.delete(f"/v1/keys/{mine['prefix']}").status_code == 204
    assert admin.delete(f"/v1/keys/{mine['prefix']}").status_code == 404
    assert admin.delete("/v1/keys/emo_").status_code == 204  # one valid key is left that starts like this: its own
    assert app.test_client().get("/v1/jobs", headers=headers).status_code == 401


def test_an_application_tries_its_own_photo_again(
    client: FlaskClient, other_client: FlaskClient, submit: Callable[..., str], worker: PlayedWorker
) -> None:
    job_id = submit(min_face_px=40)
    worker.fail(worker.claim(job_id), "time_limit")
    retried = client.post(f"/v1/jobs/{job_id}/retry")
    assert retried.status_code == 202
    new = retried.get_json()
    assert new["id"] != job_id
    assert (new["status"], new["min_face_px"]) == ("queued", 40)
    assert client.get(retried.location).get_json()["photo"] == new["photo"]
    assert other_client.post(f"/v1/jobs/{job_id}/retry").status_code == 404


def test_an_administrator_reads_and_acts_on_another_applications_jobs_and_it_is_logged(
    admin: FlaskClient, client: FlaskClient, submit: Callable[..., str], worker: PlayedWorker
) -> None:
    done, waiting = submit(), submit()
    worker.analyze(done, worker.see())
    job = admin.get(f"/v1/jobs/{done}").get_json()
    for url in (job["photo"]["url"], job["annotated_url"], job["faces"][0]["crop_url"]):
        assert admin.get(url).status_code == 200
    again = admin.post(f"/v1/jobs/{done}/retry")
    assert again.status_code == 202
    assert client.get(again.headers["Location"]).status_code == 200  # it is the application's own
    assert admin.post(f"/v1/jobs/{waiting}/cancel").get_json()["status"] == "canceled"
    assert admin.delete(f"/v1/jobs/{done}").status_code == 204
    assert client.get(f"/v1/jobs/{done}").status_code == 404
    changes = admin.get("/v1/changes?actor=application:office").get_json()["items"]
    assert [change["action"] for change in changes[:3]] == ["job.erase", "job.cancel", "job.retry"]


def test_a_key_for_administration_alone_reads_jobs_and_submits_none(
    admin: FlaskClient, app: APIFlask, submit: Callable[..., str], photo: bytes
) -> None:
    key = admin.post("/v1/keys", json={"application": "board", "scopes": ["admin"]}).get_json()["key"]
    headers = {"Authorization": f"Bearer {key}"}
    assert app.test_client().get(f"/v1/jobs/{submit()}", headers=headers).status_code == 200
    refused = app.test_client().post("/v1/jobs", data=photo, headers=headers)
    assert (refused.status_code, refused.get_json()["code"]) == (403, "scope_missing")


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\tb", "a\u2028b", "all", " All ", "x" * 101])
def test_an_application_gets_no_name_that_cannot_be_told_or_asked_for(admin: FlaskClient, name: str) -> None:
    answer = admin.post("/v1/keys", json={"application": name})
    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid_request")
    assert answer.get_json()["errors"][0]["field"] == "application"


def test_spaces_around_an_applications_name_make_no_other_one(admin: FlaskClient) -> None:
    for name in ("фото-café ☕", "  фото-café ☕ "):
        assert admin.post("/v1/keys", json={"application": name}).status_code == 201
    named = [key["application"] for key in admin.get("/v1/keys").get_json()["items"]]
    assert named == ["office", "фото-café ☕", "фото-café ☕"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nobody_shuts_themselves_out_over_the_api(administrator: Visitor, admin: FlaskClient) -> None:
    """Another administrator is there, so nothing else refuses it; a key may do it."""
    admin.post("/v1/users", json={"name": "eva", "password": PASSWORD, "role": "administrator"})
    proof = {"X-CSRF-Token": administrator.csrf_token}
    for change in ({"is_disabled": True}, {"role": "viewer"}):
        refused = administrator.client.patch("/v1/users/Administrator", json=change, headers=proof)
        assert (refused.status_code, refused.get_json()["code"]) == (409, "own_account")
    assert admin.patch("/v1/users/administrator", json={"role": "viewer"}).status_code == 200


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_application_named_like_a_user_is_another_actor(
    app: APIFlask, make_client: Callable[[APIFlask, str], FlaskClient], administrator: Visitor, photo: bytes
) -> None:
    job = make_client(app, "administrator").post("/v1/jobs", data=photo).get_json()
    proof = {"X-CSRF-Token": administrator.csrf_token}
    assert administrator.client.post(f"{job['url']}/cancel", headers=proof).status_code == 200
    items = administrator.client.get(f"{job['url']}/events").get_json()["items"]
    assert [(item["actor_kind"], item["actor"]) for item in items] == [
        ("application", "application:administrator"),
        ("user", "administrator"),
    ]
