import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from api.core.app import create_app
from api.core.services import Services
from db.core.blobs import BlobDamaged
from db.core.errors import DomainError
from db.jobs.actions import PhotoGone
from emoscope.settings import Settings
from tests.support.databases import only_sqlite


@only_sqlite
def test_an_unknown_address_and_a_wrong_method_are_problems(app: APIFlask) -> None:
    unknown = app.test_client().get("/v1/nothing")
    assert unknown.mimetype == "application/problem+json"
    assert unknown.get_json() == {
        "type": "/docs/errors#not_found",
        "title": "Not found",
        "status": 404,
        "code": "not_found",
        "detail": "there is nothing at /v1/nothing",
        "request_id": unknown.headers["X-Request-ID"],
    }
    wrong = app.test_client().put("/v1/jobs")
    assert (wrong.status_code, wrong.get_json()["code"]) == (405, "method_not_allowed")
    assert set(wrong.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}


@only_sqlite
def test_an_unexpected_error_is_logged_and_not_shown(app: APIFlask) -> None:
    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("the secret of /home/me")

    with capture_logs() as logs:
        response = app.test_client().get("/broken", headers={"X-Request-ID": "find-me"})
    assert (response.status_code, response.get_json()["code"]) == (500, "internal_error")
    assert response.get_json()["request_id"] == "find-me"
    assert "secret" not in response.text
    assert "Traceback" not in response.text
    [line] = [line for line in logs if line["event"] == "unexpected_error"]
    assert str(line["exc_info"]) == "the secret of /home/me"


@only_sqlite
def test_a_database_that_is_away_is_unavailable_and_not_a_mistake_of_ours(
    app: APIFlask, client: FlaskClient, services: Services, settings: Settings
) -> None:
    response = (
        create_app(settings.model_copy(update={"database_url": "sqlite:////nowhere/at/all.db"}))
        .test_client()
        .get("/v1/jobs", headers={"Authorization": "Bearer emo_x"})
    )
    assert (response.status_code, response.get_json()["code"]) == (503, "database_unavailable")
    assert response.headers["Retry-After"] == "5"
    assert "nowhere" not in response.text


@only_sqlite
@pytest.mark.parametrize(("error", "is_logged"), [(BlobDamaged("photos/1"), True), (PhotoGone("job 1"), False)])
def test_a_fault_of_ours_is_logged_and_a_refused_request_is_not(
    app: APIFlask, error: DomainError, is_logged: bool
) -> None:
    @app.get("/fails")
    def fail() -> str:
        raise error

    with capture_logs() as logs:
        app.test_client().get("/fails")
    assert (error.code in [line["event"] for line in logs if line["log_level"] == "error"]) is is_logged
