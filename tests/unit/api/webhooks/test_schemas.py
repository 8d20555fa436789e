import pytest
from flask.testing import FlaskClient

from tests.support.webhook_routes import NEW


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"url": "http://10.0.0.1/"}, "webhook_url_refused"),
        ({"url": "http://[fec0::1]/"}, "webhook_url_refused"),
        ({"events": ["job.exploded"]}, "invalid_request"),
        ({"events": []}, "invalid_request"),
        ({"events": "job.failed"}, "invalid_request"),
        ({"application": "rival"}, "scope_missing"),
        ({"secret": "whsec_mine"}, "invalid_request"),
    ],
)
def test_what_does_not_fit_is_refused(client: FlaskClient, change: dict[str, object], code: str) -> None:
    answer = client.post("/v1/webhooks", json={**NEW, **change})
    assert answer.get_json()["code"] == code
