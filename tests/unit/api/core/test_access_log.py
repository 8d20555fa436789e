from apiflask import APIFlask
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from api.core.app import create_app
from api.core.services import Services
from emoscope.settings import Settings


def list_requests(client: FlaskClient, *paths: str, **more: object) -> list[dict[str, object]]:
    with capture_logs() as lines:
        for path in paths:
            client.get(path, **more)
    return [dict(line) for line in lines if line["event"] == "request"]


def test_a_request_is_one_line_with_its_route_and_not_its_path(app: APIFlask) -> None:
    (line,) = list_requests(app.test_client(), "/v1/jobs/0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d?secret=1")
    assert (line["method"], line["route"], line["status"], line["by"]) == ("GET", "/v1/jobs/<uuid:job_id>", 401, None)
    assert line["job_id"] == "0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d"
    assert isinstance(line["ms"], float)
    assert line["ms"] > 0
    assert "secret" not in str(line)


def test_what_machines_ask_every_few_seconds_is_no_line(app: APIFlask) -> None:
    assert list_requests(app.test_client(), "/healthz", "/readyz", "/metrics", "/static/0/style.css") == []


def test_an_unknown_path_is_not_repeated(app: APIFlask) -> None:
    (line,) = list_requests(app.test_client(), "/of-my/own")
    assert (line["route"], line["status"]) == ("(none)", 404)


def test_the_setting_turns_it_off(settings: Settings, services: Services) -> None:
    app = create_app(settings.model_copy(update={"access_log": False}), services)
    assert list_requests(app.test_client(), "/v1/jobs") == []
