from flask.testing import FlaskClient

from tests.support.webhook_routes import create


def test_an_application_sees_and_changes_its_own_alone(
    client: FlaskClient, other_client: FlaskClient, admin: FlaskClient
) -> None:
    webhook_id, _ = create(client)
    assert other_client.get("/v1/webhooks").get_json()["items"] == []
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"url": "https://evil.example/"}),
        ("POST", "/rotate", {}),
        ("POST", "/test", None),
        ("POST", "/replay-failed", {"since": "2026-03-01T00:00:00Z"}),
        ("DELETE", "", None),
    ):
        answer = other_client.open(f"/v1/webhooks/{webhook_id}{path}", method=method, json=body)
        assert (answer.status_code, answer.get_json()["code"]) == (404, "unknown_webhook")
    assert admin.get(f"/v1/webhooks/{webhook_id}").get_json()["application"] == "shop"
