"""Webhooks over the API and on their page."""

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from api.core.services import Services
from db.core import queues
from tests.support.webhook_routes import NEW, create

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_the_secret_is_shown_once(client: FlaskClient) -> None:
    webhook_id, secret = create(client)
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{32}", secret)
    for path in ("/v1/webhooks", f"/v1/webhooks/{webhook_id}", "/v1/webhook-deliveries"):
        assert secret not in client.get(path).text
    other, another = create(client)
    assert other != webhook_id
    assert another != secret


def test_a_job_that_ends_is_told_at_once(client: FlaskClient, services: Services, submit: Callable[..., str]) -> None:
    webhook_id, _ = create(client)
    job_id = submit()
    client.post(f"/v1/jobs/{job_id}/cancel")
    (delivery,) = client.get("/v1/webhook-deliveries").get_json()["items"]
    assert (delivery["webhook_id"], delivery["job_id"], delivery["event"]) == (webhook_id, job_id, "job.canceled")
    assert services.redis.llen(queues.CALLBACK_QUEUE) == 1


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


def test_metrics_count_endpoints_by_state_and_what_waits(client: FlaskClient) -> None:
    webhook_id, _ = create(client)
    create(client)
    client.post(f"/v1/webhooks/{webhook_id}/pause")
    client.post(f"/v1/webhooks/{create(client)[0]}/test")
    text = client.get("/metrics").text
    assert 'emoscope_webhook_endpoints{state="paused"} 1.0' in text
    assert 'emoscope_webhook_endpoints{state="failing"} 0.0' in text
    assert "emoscope_webhook_deliveries_pending 1.0" in text
