"""Users, keys and the audit log over the API."""

from collections.abc import Callable

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.support.played_worker import PlayedWorker
from tests.support.visitors import Visitor


def test_a_key_without_the_scope_reads_and_changes_nothing(client: FlaskClient) -> None:
    for path in ("/v1/users", "/v1/keys", "/v1/changes"):
        assert client.get(path).get_json()["code"] == "scope_missing"
    assert client.post("/v1/keys", json={"application": "shop", "scopes": ["admin"]}).status_code == 403


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
