"""Webhook endpoints, added through the API."""

from uuid import UUID

from flask.testing import FlaskClient

from db.core.session import Database
from db.webhooks.deliveries import AttemptResult, record_attempt

NEW = {"url": "https://example.com/hook", "events": ["job.canceled"]}


def create(client: FlaskClient, **more: object) -> tuple[str, str]:
    """Create an endpoint. Returns its id and secret."""
    response = client.post("/v1/webhooks", json={**NEW, **more})
    assert response.status_code == 201, response.text
    made = response.get_json()
    assert response.headers["Location"] == f"/v1/webhooks/{made['webhook']['id']}"
    return made["webhook"]["id"], made["secret"]


def end(database: Database, client: FlaskClient, status_code: int = 500) -> None:
    """Make the first attempt of all pending deliveries."""
    for each in client.get("/v1/webhook-deliveries?state=pending").get_json()["items"]:
        with database.write() as session:
            result = AttemptResult(duration_ms=3, status_code=status_code, answer="no way")
            record_attempt(session, UUID(each["id"]), result, max_attempts=1, pause_after_s=60)
