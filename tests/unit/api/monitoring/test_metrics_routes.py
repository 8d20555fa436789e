"""Metrics in Prometheus's format."""

from collections.abc import Callable

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.support.scraping import find, scrape


def test_requests_are_counted_by_route_and_status(
    app: APIFlask, client: FlaskClient, submit: Callable[..., str]
) -> None:
    job_id = submit()
    for _ in range(2):
        client.get(f"/v1/jobs/{job_id}")
    client.get("/no/such/thing")
    samples = scrape(app)
    route = "/v1/jobs/<uuid:job_id>"
    assert find(samples, "emoscope_http_requests_total", method="GET", route=route, status="200") == 2
    assert find(samples, "emoscope_http_requests_total", method="(any)", route="(none)", status="404") == 1
    assert find(samples, "emoscope_http_request_seconds_count", method="POST", route="/v1/jobs") == 1
    assert not any(job_id in str(key) for key in samples)


def test_a_request_that_cannot_be_counted_is_answered(app: APIFlask, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("the metrics folder can't be written")

    monkeypatch.setattr("prometheus_client.Counter.labels", refuse)
    assert app.test_client().get("/healthz").status_code == 200
