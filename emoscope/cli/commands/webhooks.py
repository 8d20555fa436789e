"""`emoscope webhook`: webhook endpoints and their deliveries."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer
from rich.markup import escape
from rich.table import Table

from db.core.vocabulary import DeliveryState
from emoscope.cli.database import open_database
from emoscope.cli.operator import find_operator
from emoscope.cli.terminal import AsJson, end_with_sentence, err, out, print_schemas, read_settings

if TYPE_CHECKING:
    from db.webhooks.endpoints import AddressRules

app = typer.Typer(help="Create and manage webhook endpoints, and replay failed deliveries.", no_args_is_help=True)

_Id = Annotated[UUID, typer.Argument(help="Id of the endpoint, as `emoscope webhook list` shows.")]
_Overlap = Annotated[float, typer.Option(min=0, max=168, help="Hours for which the old secret signs too.")]


@app.command()
def create(
    application: Annotated[str, typer.Argument(help="Name of the application; it is created if it doesn't exist.")],
    url: Annotated[str, typer.Argument(help="The URL to call: http or https.")],
    event: Annotated[
        list[str] | None, typer.Option(help="A type of event. Can be given more than once. Default: all.")
    ] = None,
    description: Annotated[str, typer.Option(help="A description for people.")] = "",
    *,
    include_faces: Annotated[bool, typer.Option(help="Whether bodies carry the faces of a job.")] = False,
) -> None:
    """Create an endpoint and print its secret. The secret can't be shown again."""
    from db.accounts import api_keys
    from db.core.errors import DomainError
    from db.webhooks import endpoints
    from db.webhooks.event_types import SUBSCRIBABLE

    with end_with_sentence(ValueError, DomainError):
        unknown = set(event or ()) - set(SUBSCRIBABLE)
        if unknown:
            raise ValueError(f"there is no event {min(unknown)!r}; there are {', '.join(SUBSCRIBABLE)}")
        name = api_keys.clean_name(application)
        with open_database() as database, database.write() as session:
            made = endpoints.create_endpoint(
                session,
                api_keys.ensure_application(session, name),
                url,
                event or SUBSCRIBABLE,
                _read_rules(),
                find_operator(),
                description=description,
                include_faces=include_faces,
            )
    err.print(f"Endpoint {made.id} of {escape(repr(name))}. Keep its secret: it isn't shown again.")
    out.print(made.secret, soft_wrap=True, highlight=False)


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """List all endpoints, oldest first: application, URL, state."""
    from db.webhooks import endpoints

    with open_database() as database, database.read() as session:
        found = endpoints.list_endpoints(session, None)
    if as_json:
        from api.webhooks.schemas import webhook_to_schema

        print_schemas(map(webhook_to_schema, found))
        return
    table = Table("id", "application", "url", "events", "state")
    for each in found:
        state = f"{each.state}: {each.state_reason}" if each.state_reason else each.state
        table.add_row(str(each.id), escape(each.application.name), escape(each.url), " ".join(each.events), state)
    out.print(table)


@app.command()
def pause(endpoint: _Id) -> None:
    """Pause an endpoint. Its events are pending until it is resumed."""
    from db.webhooks import endpoints
    from db.webhooks.errors import UnknownEndpoint

    with end_with_sentence(UnknownEndpoint), open_database() as database, database.write() as session:
        endpoints.pause_endpoint(session, endpoints.get_endpoint(session, endpoint, None), find_operator())
    err.print("Paused.")


@app.command()
def resume(endpoint: _Id) -> None:
    """Resume an endpoint. Pending events are sent first."""
    from db.webhooks import endpoints
    from db.webhooks.errors import UnknownEndpoint

    with end_with_sentence(UnknownEndpoint), open_database() as database, database.write() as session:
        endpoints.resume_endpoint(session, endpoints.get_endpoint(session, endpoint, None), find_operator())
    err.print("Active.")


@app.command()
def rotate(endpoint: _Id, overlap_hours: _Overlap = 24) -> None:
    """Replace an endpoint's secret, and print the new one. Both sign until the overlap ends."""
    from db.webhooks import endpoints
    from db.webhooks.errors import UnknownEndpoint

    with end_with_sentence(UnknownEndpoint), open_database() as database, database.write() as session:
        found = endpoints.get_endpoint(session, endpoint, None)
        secret = endpoints.rotate_secret(session, found, find_operator(), overlap_hours * 3600)
    err.print(f"The new secret, shown only once. The previous one also signs for {overlap_hours:g} hours.")
    out.print(secret, soft_wrap=True, highlight=False)


@app.command("rotate-callbacks")
def rotate_callbacks(
    application: Annotated[str, typer.Argument(help="Name of the application.")], overlap_hours: _Overlap = 24
) -> None:
    """Replace the secret that signs the calls of jobs' `callback_url`, and print the new one."""
    from db.accounts import api_keys
    from db.webhooks import endpoints

    with end_with_sentence(ValueError), open_database() as database, database.write() as session:
        application_id = api_keys.find_application_id(session, application)
        if application_id is None:
            raise ValueError(f"there is no application {application!r}")
        secret = endpoints.rotate_callback_secret(session, application_id, find_operator(), overlap_hours * 3600)
    err.print(f"The new secret, shown only once. The previous one also signs for {overlap_hours:g} hours.")
    out.print(secret, soft_wrap=True, highlight=False)


@app.command()
def test(endpoint: _Id) -> None:
    """Send a test event to an endpoint. `emoscope webhook deliveries` shows the result."""
    from db.core.errors import DomainError
    from db.webhooks import endpoints

    with end_with_sentence(DomainError), open_database() as database, database.write() as session:
        delivery = endpoints.send_test(session, endpoints.get_endpoint(session, endpoint, None), find_operator())
    err.print(f"Delivery {delivery.id} is sent within seconds.")


@app.command()
def delete(endpoint: _Id) -> None:
    """Delete an endpoint with its deliveries."""
    from db.webhooks import endpoints
    from db.webhooks.errors import UnknownEndpoint

    with end_with_sentence(UnknownEndpoint), open_database() as database, database.write() as session:
        endpoints.delete_endpoint(session, endpoints.get_endpoint(session, endpoint, None), find_operator())
    err.print("Deleted.")


@app.command()
def deliveries(
    endpoint: Annotated[UUID | None, typer.Option(help="Only deliveries to this endpoint.")] = None,
    job: Annotated[
        UUID | None, typer.Option(help="Only deliveries about this job, those to its callback_url included.")
    ] = None,
    event: Annotated[str | None, typer.Option(help="Only events of this type.")] = None,
    state: Annotated[DeliveryState | None, typer.Option(help="Only deliveries in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Maximum number of deliveries.")] = 50,
    *,
    as_json: AsJson = False,
) -> None:
    """List attempts to deliver events, newest first: time, response, duration."""
    from db.webhooks.deliveries import DeliveryFilter, list_deliveries

    wanted = DeliveryFilter(endpoint_id=endpoint, job_id=job, event=event, state=state)
    with open_database() as database, database.read() as session:
        found = list_deliveries(session, wanted, limit=limit)
    if as_json:
        from api.webhooks.schemas import delivery_to_schema

        print_schemas(map(delivery_to_schema, found))
        return
    table = Table("delivery", "event", "url", "attempt", "state", "answer", "ms", "when")
    for each in found:
        said = " ".join(str(part) for part in (each.status_code, each.error or each.answer) if part)
        table.add_row(
            str(each.id),
            each.event.type,
            escape(each.endpoint.url),
            f"{each.attempt} (replay)" if each.is_replay else str(each.attempt),
            each.state,
            escape(said[:80]),
            "" if each.duration_ms is None else f"{each.duration_ms:.0f}",
            f"{each.due_at:%Y-%m-%d %H:%M:%S}",
        )
    out.print(table)


@app.command()
def replay(delivery: Annotated[UUID, typer.Argument(help="Id of the delivery.")]) -> None:
    """Send a delivery's event to its endpoint again, with the same id."""
    from db.core.errors import DomainError
    from db.webhooks.deliveries import get_delivery, replay_delivery

    with end_with_sentence(DomainError), open_database() as database, database.write() as session:
        again = replay_delivery(session, get_delivery(session, delivery, None), find_operator())
    err.print(f"Delivery {again.id} is sent within seconds.")


@app.command("replay-failed")
def replay_failed(
    endpoint: _Id,
    hours: Annotated[float, typer.Option(min=0, help="Only events of this many hours back.")] = 24,
) -> None:
    """Send all failed events of an endpoint again."""
    from db.core.errors import DomainError
    from db.webhooks.deliveries import MOST_REPLAYED
    from db.webhooks.deliveries import replay_failed as replay_all
    from db.webhooks.endpoints import get_endpoint

    since, total = datetime.now(UTC) - timedelta(hours=hours), 0
    with end_with_sentence(DomainError), open_database() as database:
        while True:
            with database.write() as session:
                count = replay_all(session, get_endpoint(session, endpoint, None), since, find_operator())
            total += count
            if count < MOST_REPLAYED:
                break
    err.print(f"{total} events are sent again within seconds.")


def _read_rules() -> "AddressRules":
    from db.webhooks.endpoints import AddressRules

    settings = read_settings()
    return AddressRules(settings.callback_private_hosts, settings.callback_port_ranges)
