"""Webhooks over the API, and on their page."""

import re
from collections.abc import Callable
from uuid import UUID

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from api.core.services import Services
from db.core import queues
from db.core.session import Database
from db.webhooks.deliveries import AttemptResult, record_attempt
from tests.unit.api.conftest import Visitor

NEW = {"url": "https://example.com/hook", "events": ["job.canceled"]}
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def create(client: FlaskClient, **more: object) -> tuple[str, str]:
    """Id and secret of a new endpoint."""
    response = client.post("/v1/webhooks", json={**NEW, **more})
    assert response.status_code == 201, response.text
    made = response.get_json()
    assert response.headers["Location"] == f"/v1/webhooks/{made['webhook']['id']}"
    return made["webhook"]["id"], made["secret"]


def end(database: Database, client: FlaskClient, status_code: int = 500) -> None:
    """Make the first attempt of all that waits."""
    for each in client.get("/v1/webhook-deliveries?state=pending").get_json()["items"]:
        with database.write() as session:
            result = AttemptResult(duration_ms=3, status_code=status_code, answer="no way")
            record_attempt(session, UUID(each["id"]), result, max_attempts=1, pause_after_s=60)


def test_the_secret_is_shown_once(client: FlaskClient) -> None:
    webhook_id, secret = create(client)
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{32}", secret)
    for path in ("/v1/webhooks", f"/v1/webhooks/{webhook_id}", "/v1/webhook-deliveries"):
        assert secret not in client.get(path).text
    other, another = create(client)
    assert other != webhook_id
    assert another != secret


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


def test_a_job_that_ends_is_told_at_once(client: FlaskClient, services: Services, submit: Callable[..., str]) -> None:
    webhook_id, _ = create(client)
    job_id = submit()
    client.post(f"/v1/jobs/{job_id}/cancel")
    (delivery,) = client.get("/v1/webhook-deliveries").get_json()["items"]
    assert (delivery["webhook_id"], delivery["job_id"], delivery["event"]) == (webhook_id, job_id, "job.canceled")
    assert services.redis.llen(queues.CALLBACK_QUEUE) == 1


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


def test_a_test_event_goes_out_whatever_the_endpoint_wants(client: FlaskClient) -> None:
    webhook_id, _ = create(client)
    answer = client.post(f"/v1/webhooks/{webhook_id}/test")
    assert (answer.status_code, answer.get_json()["event"]) == (202, "webhook.test")


def test_rotating_says_until_when_both_sign(client: FlaskClient) -> None:
    webhook_id, secret = create(client)
    answer = client.post(f"/v1/webhooks/{webhook_id}/rotate", json={"overlap_s": 60}).get_json()
    assert answer["secret"] != secret
    assert client.get(f"/v1/webhooks/{webhook_id}").get_json()["previous_secret_until"] is not None
    assert client.post("/v1/webhooks/callback-secret/rotate", json={}).get_json()["secret"].startswith("whsec_")


def test_an_endpoint_is_changed_paused_resumed_and_deleted(client: FlaskClient, admin: FlaskClient) -> None:
    webhook_id, _ = create(client)
    path = f"/v1/webhooks/{webhook_id}"
    changed = client.patch(path, json={"events": ["job.failed"], "description": "back end"}).get_json()
    assert (changed["events"], changed["description"], changed["url"]) == (["job.failed"], "back end", NEW["url"])
    assert client.patch(path, json={"url": "http://localhost/"}).get_json()["code"] == "webhook_url_refused"
    assert client.post(f"{path}/pause").get_json()["state"] == "paused"
    assert client.post(f"{path}/resume").get_json()["state"] == "active"
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
    logged = [each["action"] for each in admin.get("/v1/changes").get_json()["items"]]
    assert {"webhook.create", "webhook.change", "webhook.pause", "webhook.resume", "webhook.delete"} <= set(logged)


def test_the_document_has_every_event_and_the_headers_of_its_call(app: APIFlask) -> None:
    document = app.test_client().get("/openapi.json").get_json()
    assert document["openapi"].startswith("3.1")
    described = document["webhooks"]["batch.finished"]["post"]
    assert [each["name"] for each in described["parameters"]] == [
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
    ]
    body = described["requestBody"]["content"]["application/json"]["schema"]
    assert body["properties"]["data"]["$ref"].rpartition("/")[2] in document["components"]["schemas"]


def test_a_person_adds_tests_and_replays_on_the_page(
    administrator: Visitor, database: Database, client: FlaskClient, submit: Callable[..., str]
) -> None:
    status, text = administrator.post("/webhooks", application="shop", url=NEW["url"], event="job.canceled")
    assert status == 200
    found = re.search(r'id="secret">(whsec_[^<]+)<', text)
    assert found is not None
    assert found[1] not in administrator.get("/webhooks")
    assert administrator.post("/webhooks", application="shop", url="http://127.0.0.1/", event="job.failed")[0] == 422
    (row,) = client.get("/v1/webhooks").get_json()["items"]
    page = f"/webhooks/{row['id']}"
    assert administrator.post(f"{page}/test") == (303, f"{page}?done=webhook_tested")
    job_id = submit()
    client.post(f"/v1/jobs/{job_id}/cancel")
    end(database, client)
    text = administrator.get(page)
    assert "webhook.test" in text
    assert "no way" in text
    assert "Webhook deliveries" in administrator.get(f"/jobs/{job_id}")
    replayed = re.search(r'action="(/webhooks/deliveries/[^"]+)"', administrator.get(page, event="job.canceled"))
    assert replayed is not None
    assert administrator.post(replayed[1]) == (303, f"{page}?done=webhook_replayed")
    assert administrator.post(f"{page}/replay-failed", days="1")[0] == 303
    assert administrator.post(f"{page}/replay-failed", days="100")[0] == 422
    assert "whsec_" in administrator.post(f"{page}/rotate")[1]
    assert administrator.post(f"{page}/pause")[0] == 303
    assert "Resume" in administrator.get(page)
    assert administrator.post(f"{page}/resume")[0] == 303
    assert administrator.post(f"{page}/delete")[0] == 303
    assert client.get("/v1/webhooks").get_json()["items"] == []


def test_metrics_count_endpoints_by_state_and_what_waits(client: FlaskClient) -> None:
    webhook_id, _ = create(client)
    create(client)
    client.post(f"/v1/webhooks/{webhook_id}/pause")
    client.post(f"/v1/webhooks/{create(client)[0]}/test")
    text = client.get("/metrics").text
    assert 'emoscope_webhook_endpoints{state="paused"} 1.0' in text
    assert 'emoscope_webhook_endpoints{state="failing"} 0.0' in text
    assert "emoscope_webhook_deliveries_pending 1.0" in text
