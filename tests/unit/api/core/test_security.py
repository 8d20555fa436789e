import pytest
from apiflask import APIFlask

from tests.support.databases import only_sqlite


@only_sqlite
def test_every_answer_carries_a_request_id_and_careful_headers(app: APIFlask) -> None:
    for path in ("/healthz", "/nothing", "/v1/jobs", "/docs"):
        response = app.test_client().get(path)
        assert len(response.headers["X-Request-ID"]) == 32
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert "unsafe" not in response.headers["Content-Security-Policy"]


@only_sqlite
@pytest.mark.parametrize(("given", "is_kept"), [("abc-1.2_3", True), ("a b", False), ("x" * 65, False), ("", False)])
def test_a_request_id_from_outside_is_kept_if_it_is_harmless(app: APIFlask, given: str, is_kept: object) -> None:
    response = app.test_client().get("/nothing", headers={"X-Request-ID": given})
    assert (response.headers["X-Request-ID"] == given) is is_kept
    assert response.get_json()["request_id"] == response.headers["X-Request-ID"]
