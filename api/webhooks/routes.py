"""Webhook endpoints: create, list, change, pause, rotate, test, delete."""

from http import HTTPStatus
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, url_for
from sqlalchemy.orm import Session

from api.core.authentication import Caller, get_caller, require_scope
from api.core.errors import make_invalid_request
from api.core.openapi import describe_errors
from api.core.responses import respond
from api.core.services import get_services
from api.webhooks.access import protect_webhooks
from api.webhooks.schemas import (
    NewWebhook,
    Replayed,
    ReplayFailed,
    Rotation,
    SigningSecret,
    Webhook,
    WebhookChange,
    WebhookDelivery,
    WebhookList,
    WebhookMade,
    delivery_to_schema,
    webhook_to_schema,
)
from db import tables
from db.accounts import api_keys
from db.core.vocabulary import Scope
from db.webhooks import deliveries, endpoints
from emoscope.settings import Settings

blueprint = APIBlueprint("webhooks", __name__, url_prefix="/v1/webhooks", tag="Webhooks")
protect_webhooks(blueprint)


def make_address_rules(settings: Settings) -> endpoints.AddressRules:
    """Return which URLs the settings allow."""
    return endpoints.AddressRules(settings.callback_private_hosts, settings.callback_port_ranges)


@blueprint.post("")
@blueprint.input(NewWebhook, location="json", arg_name="new")
@blueprint.output(
    WebhookMade,
    status_code=HTTPStatus.CREATED,
    description="The endpoint and its secret. The secret is only in this answer.",
)
@blueprint.doc(
    summary="Add a webhook endpoint",
    description="From now on the URL gets a signed POST for each event of these types. The secret verifies the signatures, in the "
    "Standard Webhooks format. It is shown only once.",
    responses=describe_errors("scope_missing", "invalid_request", "webhook_url_refused", "too_many_webhooks"),
)
def create_webhook(new: NewWebhook) -> Response:
    """Add an endpoint."""
    services, caller = get_services(), get_caller()
    with services.database.write() as session:
        made = endpoints.create_endpoint(
            session,
            _choose_application(session, caller, new.application),
            new.url,
            new.events,
            make_address_rules(services.settings),
            caller.actor,
            description=new.description,
            include_faces=new.include_faces,
        )
        session.refresh(made, ["application"])
    response = respond(WebhookMade(webhook=webhook_to_schema(made), secret=str(made.secret)), HTTPStatus.CREATED)
    response.headers["Location"] = url_for(".read_webhook", webhook_id=made.id)
    return response


@blueprint.get("")
@blueprint.output(WebhookList, description="The caller's endpoints; with the scope `admin` those of all applications.")
@blueprint.doc(summary="List webhook endpoints", responses=describe_errors("scope_missing"))
def list_webhooks() -> Response:
    """List the endpoints that the caller may see."""
    with get_services().database.read() as session:
        found = endpoints.list_endpoints(session, get_caller().visible_application_id)
    return respond(WebhookList(items=[webhook_to_schema(each) for each in found]))


@blueprint.get("/<uuid:webhook_id>")
@blueprint.output(Webhook, description="The endpoint.")
@blueprint.doc(summary="Read a webhook endpoint", responses=describe_errors("scope_missing", "unknown_webhook"))
def read_webhook(webhook_id: UUID) -> Response:
    """Read one endpoint."""
    with get_services().database.read() as session:
        return _show(_get(session, webhook_id))


@blueprint.patch("/<uuid:webhook_id>")
@blueprint.input(WebhookChange, location="json", arg_name="change")
@blueprint.output(Webhook, description="The endpoint, changed.")
@blueprint.doc(
    summary="Change a webhook endpoint",
    responses=describe_errors("scope_missing", "unknown_webhook", "invalid_request", "webhook_url_refused"),
)
def change_webhook(webhook_id: UUID, change: WebhookChange) -> Response:
    """Change one endpoint."""
    services = get_services()
    with services.database.write() as session:
        found = _get(session, webhook_id)
        endpoints.change_endpoint(
            session,
            found,
            make_address_rules(services.settings),
            get_caller().actor,
            url=change.url,
            events=change.events,
            description=change.description,
            include_faces=change.include_faces,
        )
    return _show(found)


@blueprint.delete("/<uuid:webhook_id>")
@blueprint.output({}, status_code=HTTPStatus.NO_CONTENT, description="The endpoint and its deliveries were deleted.")
@blueprint.doc(summary="Delete a webhook endpoint", responses=describe_errors("scope_missing", "unknown_webhook"))
def delete_webhook(webhook_id: UUID) -> tuple[str, HTTPStatus]:
    """Delete one endpoint."""
    with get_services().database.write() as session:
        endpoints.delete_endpoint(session, _get(session, webhook_id), get_caller().actor)
    return "", HTTPStatus.NO_CONTENT


@blueprint.post("/<uuid:webhook_id>/pause")
@blueprint.output(Webhook, description="The endpoint, paused.")
@blueprint.doc(
    summary="Pause a webhook endpoint",
    description="It isn't called until it is resumed. Until then its events are pending and kept for their retention time.",
    responses=describe_errors("scope_missing", "unknown_webhook"),
)
def pause_webhook(webhook_id: UUID) -> Response:
    """Pause one endpoint."""
    with get_services().database.write() as session:
        found = _get(session, webhook_id)
        endpoints.pause_endpoint(session, found, get_caller().actor)
    return _show(found)


@blueprint.post("/<uuid:webhook_id>/resume")
@blueprint.output(Webhook, description="The endpoint, active.")
@blueprint.doc(
    summary="Resume a webhook endpoint",
    description="Pending events are sent first, oldest first.",
    responses=describe_errors("scope_missing", "unknown_webhook"),
)
def resume_webhook(webhook_id: UUID) -> Response:
    """Resume one endpoint."""
    with get_services().database.write() as session:
        found = _get(session, webhook_id)
        endpoints.resume_endpoint(session, found, get_caller().actor)
    return _show(found)


@blueprint.post("/<uuid:webhook_id>/rotate")
@blueprint.input(Rotation, location="json", arg_name="rotation")
@blueprint.output(SigningSecret, description="The new secret. It is only in this answer.")
@blueprint.doc(
    summary="Replace the secret of a webhook endpoint",
    description="Until the overlap is over, both secrets sign each call.",
    responses=describe_errors("scope_missing", "unknown_webhook", "invalid_request"),
)
def rotate_webhook_secret(webhook_id: UUID, rotation: Rotation) -> Response:
    """Replace one endpoint's secret."""
    with get_services().database.write() as session:
        secret = endpoints.rotate_secret(session, _get(session, webhook_id), get_caller().actor, rotation.overlap_s)
    return respond(SigningSecret(secret=secret))


@blueprint.post("/callback-secret/rotate")
@blueprint.input(Rotation, location="json", arg_name="rotation")
@blueprint.output(SigningSecret, description="The new secret. It is only in this answer.")
@blueprint.doc(
    summary="Replace the secret of jobs' callbacks",
    description="It signs the calls of the `callback_url` of all jobs of the caller's application. Use it also if the secret was "
    "never shown to you.",
    responses=describe_errors("scope_missing", "invalid_request"),
)
def rotate_callback_secret(rotation: Rotation) -> Response:
    """Replace the secret of the caller's callbacks."""
    caller = get_caller()
    with get_services().database.write() as session:
        secret = endpoints.rotate_callback_secret(session, caller.application_id, caller.actor, rotation.overlap_s)
    return respond(SigningSecret(secret=secret))


@blueprint.post("/<uuid:webhook_id>/test")
@blueprint.output(WebhookDelivery, status_code=HTTPStatus.ACCEPTED, description="The delivery, pending.")
@blueprint.doc(
    summary="Send a test event",
    description="Sends an event of type `webhook.test`, whatever types the endpoint has.",
    responses=describe_errors("scope_missing", "unknown_webhook", "webhook_paused"),
)
def test_webhook(webhook_id: UUID) -> Response:
    """Send a test event to one endpoint."""
    with get_services().database.write() as session:
        delivery = endpoints.send_test(session, _get(session, webhook_id), get_caller().actor)
    return respond(delivery_to_schema(delivery), HTTPStatus.ACCEPTED)


@blueprint.post("/<uuid:webhook_id>/replay-failed")
@blueprint.input(ReplayFailed, location="json", arg_name="wanted")
@blueprint.output(Replayed, description="Number of events that are sent again.")
@blueprint.doc(
    summary="Replay failed events",
    description="Sends again every event that the endpoint never accepted and that has no pending attempt.",
    responses=describe_errors("scope_missing", "unknown_webhook", "invalid_request", "webhook_paused"),
)
def replay_failed_deliveries(webhook_id: UUID, wanted: ReplayFailed) -> Response:
    """Replay the failed events of one endpoint."""
    with get_services().database.write() as session:
        count = deliveries.replay_failed(session, _get(session, webhook_id), wanted.since, get_caller().actor)
    return respond(Replayed(count=count))


def _choose_application(session: Session, caller: Caller, name: str | None) -> tables.Application:
    application = api_keys.get_application(session, caller.application_id)
    if name is None or name == application.name:
        return application
    require_scope(Scope.ADMIN)
    application_id = api_keys.find_application_id(session, name)
    if application_id is None:
        raise make_invalid_request([{"in": "json", "field": "application", "reason": f"there is no {name!r}"}])
    return api_keys.get_application(session, application_id)


def _get(session: Session, webhook_id: UUID) -> tables.WebhookEndpoint:
    return endpoints.get_endpoint(session, webhook_id, get_caller().visible_application_id)


def _show(row: tables.WebhookEndpoint) -> Response:
    return respond(webhook_to_schema(row))
