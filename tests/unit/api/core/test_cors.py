"""CORS: pages of other origins reach the API only if the setting allows them."""

from collections.abc import Callable

import pytest
from apiflask import APIFlask

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PAGE = "https://shop.example"


def preflight(app: APIFlask, origin: str, path: str = "/v1/jobs") -> dict[str, str]:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    return dict(app.test_client().options(path, headers=headers).headers)


def test_it_is_off_by_default(app: APIFlask) -> None:
    assert "Access-Control-Allow-Origin" not in preflight(app, PAGE)


def test_an_allowed_origin_alone_is_let_in_and_never_with_a_session(open_app: Callable[..., APIFlask]) -> None:
    app = open_app(cors_origins=f"{PAGE}, https://other.example")
    allowed = preflight(app, PAGE)
    assert allowed["Access-Control-Allow-Origin"] == PAGE
    assert "Authorization" in allowed["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in allowed
    assert "Access-Control-Allow-Origin" not in preflight(app, "https://evil.example")
    assert "Access-Control-Allow-Origin" not in preflight(app, PAGE, "/dashboard")
    answer = app.test_client().get("/v1/jobs", headers={"Origin": PAGE})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (401, PAGE)
    assert "Origin" in answer.headers.getlist("Vary")


def test_a_star_lets_every_origin_in(open_app: Callable[..., APIFlask]) -> None:
    assert preflight(open_app(cors_origins="*"), "https://any.example")["Access-Control-Allow-Origin"] == "*"
