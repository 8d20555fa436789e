"""Webhook pages: the endpoints of all applications, and their deliveries."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from api.core.fields import RowId
from api.core.services import get_services
from api.web.forms import FieldRefused, read_once, refills, refills_search, show_once
from api.web.queries import Query, read_query
from api.web.site import get_person, go, needs
from api.webhooks.routes import make_address_rules
from db.accounts import api_keys
from db.core.types import utcnow
from db.core.vocabulary import DeliveryState, Role
from db.webhooks import deliveries, endpoints
from db.webhooks.errors import RefusedEndpointUrl
from db.webhooks.event_types import EVENT_TYPES, SUBSCRIBABLE

blueprint = Blueprint("webhooks", __name__, url_prefix="/webhooks")

_PAGE = 50
_REPLAYED_DAYS = (1, 3, 7)


class _Search(Query):
    state: DeliveryState | None = None
    event: str | None = None
    job: RowId | None = None
    cursor: RowId | None = None


@blueprint.get("")
@needs(Role.ADMINISTRATOR)
def show() -> str:
    """Show all endpoints, with the form to add one."""
    with get_services().database.read() as session:
        rows = endpoints.list_endpoints(session, None)
    kinds = [EVENT_TYPES[name] for name in SUBSCRIBABLE]
    told = read_once()
    return render_template(
        "webhooks/list.html", rows=rows, kinds=kinds, secret=told.get("secret"), secret_of=told.get("url")
    )


@blueprint.post("")
@needs(Role.ADMINISTRATOR)
@refills(show, "add-webhook", url=RefusedEndpointUrl)
def create() -> AnyResponse:
    """Add an endpoint, and show its secret once."""
    try:
        name = api_keys.clean_name(request.form.get("application", ""))
    except ValueError as error:
        raise FieldRefused("application", str(error)) from error
    events = [each for each in request.form.getlist("event") if each in SUBSCRIBABLE]
    if not events:
        raise FieldRefused("event", "Choose at least one event.")
    services = get_services()
    with services.database.write() as session:
        made = endpoints.create_endpoint(
            session,
            api_keys.ensure_application(session, name),
            request.form.get("url", "").strip(),
            events,
            make_address_rules(services.settings),
            get_person().actor,
            description=request.form.get("description", "").strip()[:200],
            include_faces=request.form.get("include_faces") == "true",
        )
    return show_once(go("webhooks.show"), secret=made.secret or "", url=made.url)


@blueprint.get("/<uuid:webhook_id>")
@needs(Role.ADMINISTRATOR)
@refills_search
def show_one(webhook_id: UUID) -> str:
    """Show one endpoint with its deliveries."""
    return _render_one(webhook_id, secret=read_once().get("secret"))


@blueprint.post("/<uuid:webhook_id>/pause")
@needs(Role.ADMINISTRATOR)
def pause(webhook_id: UUID) -> AnyResponse:
    """Pause an endpoint."""
    with get_services().database.write() as session:
        endpoints.pause_endpoint(session, endpoints.get_endpoint(session, webhook_id, None), get_person().actor)
    return go("webhooks.show_one", done="webhook_paused", webhook_id=webhook_id)


@blueprint.post("/<uuid:webhook_id>/resume")
@needs(Role.ADMINISTRATOR)
def resume(webhook_id: UUID) -> AnyResponse:
    """Resume an endpoint."""
    with get_services().database.write() as session:
        endpoints.resume_endpoint(session, endpoints.get_endpoint(session, webhook_id, None), get_person().actor)
    return go("webhooks.show_one", done="webhook_resumed", webhook_id=webhook_id)


@blueprint.post("/<uuid:webhook_id>/rotate")
@needs(Role.ADMINISTRATOR)
def rotate(webhook_id: UUID) -> AnyResponse:
    """Replace an endpoint's secret, and show the new one once."""
    with get_services().database.write() as session:
        found = endpoints.get_endpoint(session, webhook_id, None)
        secret = endpoints.rotate_secret(session, found, get_person().actor)
    return show_once(go("webhooks.show_one", webhook_id=webhook_id), secret=secret)


@blueprint.post("/<uuid:webhook_id>/test")
@needs(Role.ADMINISTRATOR)
def test(webhook_id: UUID) -> AnyResponse:
    """Send a test event."""
    with get_services().database.write() as session:
        endpoints.send_test(session, endpoints.get_endpoint(session, webhook_id, None), get_person().actor)
    return go("webhooks.show_one", done="webhook_tested", webhook_id=webhook_id)


@blueprint.post("/<uuid:webhook_id>/delete")
@needs(Role.ADMINISTRATOR)
def delete(webhook_id: UUID) -> AnyResponse:
    """Delete an endpoint."""
    with get_services().database.write() as session:
        endpoints.delete_endpoint(session, endpoints.get_endpoint(session, webhook_id, None), get_person().actor)
    return go("webhooks.show", done="webhook_deleted")


@blueprint.post("/<uuid:webhook_id>/replay-failed")
@needs(Role.ADMINISTRATOR)
def replay_failed(webhook_id: UUID) -> AnyResponse:
    """Replay an endpoint's failed deliveries of the last days."""
    days = request.form.get("days", "")
    if days not in {str(each) for each in _REPLAYED_DAYS}:
        abort(422, "Choose a number of days.")
    since = utcnow() - timedelta(days=int(days))
    with get_services().database.write() as session:
        deliveries.replay_failed(session, endpoints.get_endpoint(session, webhook_id, None), since, get_person().actor)
    return go("webhooks.show_one", done="webhook_replayed", webhook_id=webhook_id)


@blueprint.post("/deliveries/<uuid:delivery_id>/replay")
@needs(Role.ADMINISTRATOR)
def replay(delivery_id: UUID) -> AnyResponse:
    """Replay one delivery."""
    with get_services().database.write() as session:
        found = deliveries.get_delivery(session, delivery_id, None)
        deliveries.replay_delivery(session, found, get_person().actor)
    if found.endpoint.job_id is not None:
        return go("jobs.show", done="webhook_replayed", job_id=found.endpoint.job_id)
    return go("webhooks.show_one", done="webhook_replayed", webhook_id=found.endpoint_id)


def _render_one(webhook_id: UUID, **more: str | None) -> str:
    search = read_query(_Search, request.args)
    wanted = deliveries.DeliveryFilter(
        endpoint_id=webhook_id, state=search.state, event=search.event, job_id=search.job
    )
    with get_services().database.read() as session:
        row = endpoints.get_endpoint(session, webhook_id, None)
        found = deliveries.list_deliveries(session, wanted, limit=_PAGE + 1, before=search.cursor)
    older = None
    here: dict[str, Any] = {"webhook_id": webhook_id, "state": search.state, "event": search.event, "job": search.job}
    if len(found) > _PAGE:
        older = url_for(".show_one", **here, cursor=found[_PAGE - 1].id)
    return render_template(
        "webhooks/endpoint.html",
        row=row,
        deliveries=found[:_PAGE],
        search=search,
        newest=url_for(".show_one", **here) if search.cursor else None,
        older=older,
        states=tuple(DeliveryState),
        event_names=tuple(EVENT_TYPES),
        replayed_days=_REPLAYED_DAYS,
        **more,
    )
