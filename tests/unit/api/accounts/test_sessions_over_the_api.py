"""What signed-in users may do over the API."""

import io
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from db.accounts.audit_log import AuditFilter, list_audit_events
from db.core.session import Database
from db.core.vocabulary import Role
from db.model_versions.tables import ModelVersion
from tests.support.played_worker import PlayedWorker
from tests.support.visitors import Visitor

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_the_session_reaches_the_api_with_the_scopes_of_the_role(
    viewer: Visitor, reviewer: Visitor, photo: bytes
) -> None:
    csrf_token = {"X-CSRF-Token": reviewer.csrf_token}
    assert viewer.client.post("/v1/jobs", data=photo, headers={"X-CSRF-Token": viewer.csrf_token}).status_code == 403
    assert viewer.client.get("/v1/model-versions").status_code == 200
    assert reviewer.client.post("/v1/jobs", data=photo).status_code == 401
    submitted = reviewer.client.post("/v1/jobs", data=photo, headers=csrf_token)
    assert submitted.status_code == 202
    assert reviewer.client.get(submitted.location).get_json()["id"] == submitted.get_json()["id"]
    forged = csrf_token | {"Sec-Fetch-Site": "cross-site"}
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
    headers = {"X-CSRF-Token": visitor.csrf_token}
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
    submitted = administrator.client.post("/v1/jobs", data=photo, headers={"X-CSRF-Token": administrator.csrf_token})
    refused = reviewer.client.delete(submitted.location, headers={"X-CSRF-Token": reviewer.csrf_token})
    assert refused.get_json()["code"] == "scope_missing"
    erased = administrator.client.delete(submitted.location, headers={"X-CSRF-Token": administrator.csrf_token})
    assert erased.status_code == 204


def test_a_password_for_the_proxy_does_not_hide_the_session_from_the_api(reviewer: Visitor, photo: bytes) -> None:
    headers = {"Authorization": "Basic ZW1vOng="}
    assert reviewer.client.get("/v1/model-versions", headers=headers).status_code == 200
    assert reviewer.client.post("/v1/jobs", data=photo, headers=headers).status_code == 401  # without the form's proof
    csrf_token = {"X-CSRF-Token": reviewer.csrf_token}
    assert reviewer.client.post("/v1/jobs", data=photo, headers=headers | csrf_token).status_code == 202
    for key in ("Bearer emo_wrong", "bearer emo_wrong"):
        assert reviewer.client.get("/v1/model-versions", headers={"Authorization": key}).status_code == 401


def test_a_viewer_reads_batches_too_and_submits_none(
    viewer: Visitor, client: FlaskClient, other_client: FlaskClient, photo: bytes
) -> None:
    batch = client.post("/v1/batches", data={"image": (io.BytesIO(photo), "a.jpg")}).get_json()
    assert viewer.client.get(batch["url"]).get_json() == batch
    assert other_client.get(batch["url"]).status_code == 404
    form = {"image": (io.BytesIO(photo), "a.jpg")}
    assert viewer.client.post("/v1/batches", data=form, headers={"X-CSRF-Token": viewer.csrf_token}).status_code == 403


@pytest.mark.parametrize("is_page", [False, True])
def test_what_a_person_does_to_a_job_is_logged_alike_over_the_api_and_on_the_pages(
    reviewer: Visitor, database: Database, photo: bytes, *, is_page: bool
) -> None:
    headers = {"X-CSRF-Token": reviewer.csrf_token}
    job_id = reviewer.client.post("/v1/jobs", data=photo, headers=headers).get_json()["id"]
    for action in ("retry", "cancel"):
        done = reviewer.client.post(f"{'' if is_page else '/v1'}/jobs/{job_id}/{action}", headers=headers)
        assert done.status_code in {200, 202, 303}
    with database.read() as session:
        logged = list_audit_events(session, AuditFilter(actor="reviewer"))
    assert [change.action for change in logged] == ["job.cancel", "job.retry"]
    assert {change.subject for change in logged} == {f"job:{job_id}"}
    assert set(logged[1].details) == {"new_job"}


def test_what_an_application_does_to_its_own_job_is_not_logged(
    client: FlaskClient, database: Database, submit: Callable[..., str]
) -> None:
    assert client.post(f"/v1/jobs/{submit()}/cancel").status_code == 200
    with database.read() as session:
        assert list_audit_events(session, AuditFilter(action="job.cancel")) == []
