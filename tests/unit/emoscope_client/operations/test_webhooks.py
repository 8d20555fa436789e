"""The operations on webhooks, on the real application."""

from datetime import UTC, datetime, timedelta

import pytest

from emoscope_client import Client, NotFound


def test_an_endpoint_is_made_changed_paused_tested_and_deleted(client: Client) -> None:
    made = client.create_webhook("https://receiver.example/hook", ["job.succeeded"])
    webhook = made.webhook
    assert made.secret.startswith("whsec_")
    assert [found.id for found in client.list_webhooks().items] == [webhook.id]
    assert client.change_webhook(webhook.id, events=["job.failed"]).events == ("job.failed",)
    assert client.pause_webhook(webhook.id).state == "paused"
    assert client.resume_webhook(webhook.id).state == "active"
    assert client.rotate_webhook_secret(webhook.id, overlap_s=60).secret != made.secret
    delivery = client.test_webhook(webhook.id)
    assert client.get_webhook_delivery(delivery.id).event == "webhook.test"
    assert [found.id for found in client.get_webhook_delivery_page(webhook=webhook.id).items] == [delivery.id]
    again = client.replay_webhook_delivery(delivery.id)
    assert again.id != delivery.id
    assert client.replay_failed_deliveries(webhook.id, since=datetime.now(UTC) - timedelta(hours=1)).count == 0
    client.delete_webhook(webhook.id)
    with pytest.raises(NotFound):
        client.get_webhook(webhook.id)
