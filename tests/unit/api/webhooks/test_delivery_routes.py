from collections.abc import Callable

from flask.testing import FlaskClient

from db.core.session import Database
from tests.support.webhook_routes import create, end


def test_the_deliveries_of_a_jobs_own_address_are_visible(client: FlaskClient, submit: Callable[..., str]) -> None:
    job_id = submit(callback_url="https://example.org/")
    client.post(f"/v1/jobs/{job_id}/cancel")
    (delivery,) = client.get(f"/v1/webhook-deliveries?job={job_id}").get_json()["items"]
    assert (delivery["webhook_id"], delivery["url"]) == (None, "https://example.org/")
    assert client.get("/v1/webhooks").get_json()["items"] == []


def test_deliveries_are_filtered_paged_and_replayed(
    client: FlaskClient, other_client: FlaskClient, database: Database, submit: Callable[..., str]
) -> None:
    webhook_id, _ = create(client)
    for _ in range(3):
        client.post(f"/v1/jobs/{submit()}/cancel")
    end(database, client)
    assert client.get("/v1/webhook-deliveries?state=succeeded").get_json()["items"] == []
    assert client.get("/v1/webhook-deliveries?event=job.failed").get_json()["items"] == []
    assert other_client.get("/v1/webhook-deliveries").get_json()["items"] == []
    page = client.get(f"/v1/webhook-deliveries?state=failed&limit=2&webhook={webhook_id}").get_json()
    rest = client.get(page["next"]).get_json()
    assert (len(page["items"]), len(rest["items"]), rest["next"]) == (2, 1, None)
    failed = page["items"][0]
    assert (failed["status_code"], failed["answer"], failed["duration_ms"]) == (500, "no way", 3)
    path = f"/v1/webhook-deliveries/{failed['id']}"
    assert other_client.post(f"{path}/replay").status_code == 404
    again = client.post(f"{path}/replay").get_json()
    assert (again["event_id"], again["is_replay"], again["state"]) == (failed["event_id"], True, "pending")
    since = {"since": "2026-01-01T00:00:00Z"}
    assert client.post(f"/v1/webhooks/{webhook_id}/replay-failed", json=since).get_json() == {"count": 2}
    client.post(f"/v1/webhooks/{webhook_id}/pause")
    answer = client.post(f"/v1/webhooks/{webhook_id}/replay-failed", json=since)
    assert answer.get_json()["code"] == "webhook_paused"
