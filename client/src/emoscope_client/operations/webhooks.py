"""Webhooks: endpoints, their secrets, and deliveries."""

from collections.abc import Sequence
from datetime import datetime
from typing import Unpack
from uuid import UUID

from emoscope_client.errors import NotFound
from emoscope_client.operations.requests import Requests, quote_segment
from emoscope_client.options import to_params
from emoscope_client.steps import Call, Steps, read_json
from emoscope_client.webhooks import (
    DeliveryFilters,
    Replayed,
    SigningSecret,
    Webhook,
    WebhookDelivery,
    WebhookDeliveryPage,
    WebhookList,
    WebhookMade,
)


class WebhookOperations(Requests):
    """Operations on webhooks."""

    def create_webhook(
        self,
        url: str,
        events: Sequence[str],
        *,
        description: str = "",
        include_faces: bool = False,
        application: str | None = None,
    ) -> Steps[WebhookMade]:
        """Add a webhook endpoint. Returns it with its secret, which is shown only once.

        events: such as `job.succeeded`. application: owner of the endpoint; any other than the key's own needs the scope `admin`.
        It isn't retried after a lost response, because that could add two endpoints: ServiceUnreachable has `may_be_done`.
        """
        body = {
            "url": url,
            "events": list(events),
            "description": description,
            "include_faces": include_faces,
            **({} if application is None else {"application": application}),
        }
        return (yield from self._post(WebhookMade, "/v1/webhooks", body))

    def list_webhooks(self) -> Steps[WebhookList]:
        """List webhook endpoints, oldest first."""
        return (yield from self._read(WebhookList, "/v1/webhooks"))

    def get_webhook(self, webhook_id: UUID | str) -> Steps[Webhook]:
        """Read a webhook endpoint."""
        return (yield from self._read(Webhook, f"/v1/webhooks/{quote_segment(webhook_id)}"))

    def change_webhook(
        self,
        webhook_id: UUID | str,
        *,
        url: str | None = None,
        events: Sequence[str] | None = None,
        description: str | None = None,
        include_faces: bool | None = None,
    ) -> Steps[Webhook]:
        """Change the given fields of a webhook endpoint."""
        given = {
            "url": url,
            "events": None if events is None else list(events),
            "description": description,
            "include_faces": include_faces,
        }
        body = {name: value for name, value in given.items() if value is not None}
        call = Call("PATCH", f"/v1/webhooks/{quote_segment(webhook_id)}", json=body)
        return Webhook.from_json(read_json((yield from self._send(call))))

    def delete_webhook(self, webhook_id: UUID | str) -> Steps[None]:
        """Delete a webhook endpoint with its deliveries."""
        try:
            yield from self._send(Call("DELETE", f"/v1/webhooks/{quote_segment(webhook_id)}"))
        except NotFound as error:
            if not error.may_be_done:
                raise

    def pause_webhook(self, webhook_id: UUID | str) -> Steps[Webhook]:
        """Pause a webhook endpoint. Its events are pending until it is resumed."""
        response = yield from self._send(Call("POST", f"/v1/webhooks/{quote_segment(webhook_id)}/pause"))
        return Webhook.from_json(read_json(response))

    def resume_webhook(self, webhook_id: UUID | str) -> Steps[Webhook]:
        """Resume a webhook endpoint. Pending events are sent first."""
        response = yield from self._send(Call("POST", f"/v1/webhooks/{quote_segment(webhook_id)}/resume"))
        return Webhook.from_json(read_json(response))

    def rotate_webhook_secret(self, webhook_id: UUID | str, *, overlap_s: float = 24 * 3600) -> Steps[SigningSecret]:
        """Replace the secret of a webhook endpoint. Both sign until the overlap ends."""
        path = f"/v1/webhooks/{quote_segment(webhook_id)}/rotate"
        return (yield from self._post(SigningSecret, path, {"overlap_s": overlap_s}))

    def rotate_callback_secret(self, *, overlap_s: float = 24 * 3600) -> Steps[SigningSecret]:
        """Replace the secret that signs the calls of jobs' `callback_url`. Both sign until the overlap ends."""
        return (yield from self._post(SigningSecret, "/v1/webhooks/callback-secret/rotate", {"overlap_s": overlap_s}))

    def test_webhook(self, webhook_id: UUID | str) -> Steps[WebhookDelivery]:
        """Send a test event to a webhook endpoint. Returns its delivery, pending."""
        return (yield from self._post(WebhookDelivery, f"/v1/webhooks/{quote_segment(webhook_id)}/test", None))

    def replay_failed_deliveries(self, webhook_id: UUID | str, *, since: datetime) -> Steps[Replayed]:
        """Send again every event since `since` that a webhook endpoint never accepted. At most 1,000 per call."""
        path = f"/v1/webhooks/{quote_segment(webhook_id)}/replay-failed"
        return (yield from self._post(Replayed, path, {"since": since.isoformat()}))

    def get_webhook_delivery_page(
        self, *, cursor: str | None = None, limit: int | None = None, **filters: Unpack[DeliveryFilters]
    ) -> Steps[WebhookDeliveryPage]:
        """Read a page of webhook deliveries, newest first. cursor: `next`'s, for the next page."""
        params = to_params({**filters, "limit": limit, "cursor": cursor})
        return (yield from self._read(WebhookDeliveryPage, "/v1/webhook-deliveries", params))

    def get_webhook_delivery(self, delivery_id: UUID | str) -> Steps[WebhookDelivery]:
        """Read a webhook delivery."""
        return (yield from self._read(WebhookDelivery, f"/v1/webhook-deliveries/{quote_segment(delivery_id)}"))

    def replay_webhook_delivery(self, delivery_id: UUID | str) -> Steps[WebhookDelivery]:
        """Send a delivery's event to its endpoint again. Returns the new delivery, pending."""
        path = f"/v1/webhook-deliveries/{quote_segment(delivery_id)}/replay"
        return (yield from self._post(WebhookDelivery, path, None))
