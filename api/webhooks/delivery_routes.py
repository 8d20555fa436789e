"""Webhook deliveries: list, read, replay."""

from http import HTTPStatus
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response

from api.core.authentication import get_caller
from api.core.openapi import describe_errors
from api.core.paging import read_page
from api.core.responses import respond
from api.core.services import get_services
from api.webhooks.access import protect_webhooks
from api.webhooks.schemas import DeliveryQuery, WebhookDelivery, WebhookDeliveryPage, delivery_to_schema
from db.webhooks import deliveries

blueprint = APIBlueprint("webhook_deliveries", __name__, url_prefix="/v1/webhook-deliveries", tag="Webhooks")
protect_webhooks(blueprint)


@blueprint.get("")
@blueprint.input(DeliveryQuery, location="query", arg_name="query")
@blueprint.output(WebhookDeliveryPage, description="A page of deliveries, newest first.")
@blueprint.doc(
    summary="List webhook deliveries",
    description="Every attempt for the caller's endpoints and for the `callback_url` of its jobs; with the scope `admin` for all.",
    responses=describe_errors("scope_missing", "invalid_request"),
)
def list_webhook_deliveries(query: DeliveryQuery) -> Response:
    """List deliveries."""
    wanted = deliveries.DeliveryFilter(
        application_id=get_caller().visible_application_id,
        endpoint_id=query.webhook,
        job_id=query.job,
        event=query.event,
        state=query.state,
        created_from=query.created_from,
        created_before=query.created_before,
    )
    with get_services().database.read() as session:
        found = read_page(
            lambda limit: deliveries.list_deliveries(session, wanted, limit=limit, before=query.cursor), query.limit
        )
    following = found.make_next_url(".list_webhook_deliveries")
    page = WebhookDeliveryPage(items=[delivery_to_schema(each) for each in found.rows], next=following)
    return respond(page)


@blueprint.get("/<uuid:delivery_id>")
@blueprint.output(WebhookDelivery, description="The delivery.")
@blueprint.doc(summary="Read a webhook delivery", responses=describe_errors("scope_missing", "unknown_delivery"))
def read_webhook_delivery(delivery_id: UUID) -> Response:
    """Read one delivery."""
    with get_services().database.read() as session:
        found = deliveries.get_delivery(session, delivery_id, get_caller().visible_application_id)
    return respond(delivery_to_schema(found))


@blueprint.post("/<uuid:delivery_id>/replay")
@blueprint.output(WebhookDelivery, status_code=HTTPStatus.ACCEPTED, description="The new delivery, pending.")
@blueprint.doc(
    summary="Replay a webhook delivery",
    description="Sends the same event to the same endpoint again, with the same `webhook-id`.",
    responses=describe_errors("scope_missing", "unknown_delivery", "webhook_paused"),
)
def replay_webhook_delivery(delivery_id: UUID) -> Response:
    """Replay a delivery."""
    caller = get_caller()
    with get_services().database.write() as session:
        found = deliveries.get_delivery(session, delivery_id, caller.visible_application_id)
        again = deliveries.replay_delivery(session, found, caller.actor)
    return respond(delivery_to_schema(again), HTTPStatus.ACCEPTED)
