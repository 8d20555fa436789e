"""`emoscope key`: API keys of applications."""

import shlex
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from db.core.vocabulary import Purpose, Scope
from emoscope.cli.database import open_database
from emoscope.cli.operator import find_operator
from emoscope.cli.terminal import AsJson, end_with_sentence, err, out, print_schemas
from emoscope.settings import read_rate

app = typer.Typer(help="Create, list and revoke API keys.", no_args_is_help=True)


@app.command()
def create(
    application: Annotated[str, typer.Argument(help="Name of the application; it is created if it doesn't exist.")],
    scope: Annotated[
        list[Scope] | None,
        typer.Option(help="A scope of the key. Can be given more than once. Default: submit."),
    ] = None,
    purpose: Annotated[
        Purpose | None,
        typer.Option(
            help="What the application is used for. workplace and education are refused, because the law forbids them."
        ),
    ] = None,
    description: Annotated[str | None, typer.Option(help="A description for people.")] = None,
    expires_days: Annotated[
        float | None, typer.Option(min=0, help="Days after which it expires. Default: never.")
    ] = None,
    rate_limit: Annotated[
        str | None, typer.Option(help="Rate limit, such as 60/minute. Default: that of the settings.")
    ] = None,
    daily_quota: Annotated[
        int | None, typer.Option(min=0, help="Number of photos per day (UTC). Default: no limit.")
    ] = None,
    *,
    test: Annotated[
        bool,
        typer.Option(
            "--test", help="Create a test key: no worker is needed, and test jobs are kept apart from real ones."
        ),
    ] = False,
) -> None:
    """Create a key for an application and print it. It can't be shown again."""
    from db.accounts import api_keys

    with end_with_sentence(ValueError, api_keys.PurposeForbidden, api_keys.TestKeyScope):
        name = api_keys.clean_name(application)
        terms = api_keys.KeyTerms(
            description=description,
            expires_at=None if expires_days is None else datetime.now(UTC) + timedelta(days=expires_days),
            rate_limit=read_rate(rate_limit) if rate_limit else None,
            daily_quota=daily_quota,
        )
        with open_database() as database, database.write() as session:
            is_new = api_keys.find_application_id(session, name) is None
            key, owner = api_keys.issue_key(
                session, name, scope or [Scope.SUBMIT], find_operator(), terms, purpose, is_test=test
            )
            secret, declared = owner.callback_secret, owner.purpose
    if declared is None:
        err.print(f"{escape(repr(name))} declares no purpose: say what it is used for with --purpose.")
    err.print(f"Key of {escape(repr(name))}. Keep it: only its hash is stored.", soft_wrap=True)
    if is_new:
        err.print(f"Its callbacks are signed with {secret}, which is shown only once.", soft_wrap=True)
    else:
        command = f"emoscope webhook rotate-callbacks {escape(shlex.quote(name))}"
        err.print(
            f"Its callbacks are signed with the secret that was shown with its first key; `{command}` replaces it.",
            soft_wrap=True,
        )
    out.print(key, soft_wrap=True, highlight=False)


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """List all keys: application, created, last used, expiry date."""
    from db.accounts import api_keys

    with open_database() as database, database.read() as session:
        found = api_keys.list_keys(session)
    if as_json:
        from api.accounts.key_routes import key_to_schema

        print_schemas(map(key_to_schema, found))
        return
    table = Table(
        Column("key", no_wrap=True, min_width=13), "application", "scopes", "made", "last used", "expires", "revoked"
    )
    for key in found:
        moments = (key.created_at, key.last_used_at, key.expires_at, key.revoked_at)
        shown = (f"{moment:%Y-%m-%d %H:%M}" if moment else "" for moment in moments)
        table.add_row(f"{key.prefix}…", escape(key.application.name), " ".join(key.scopes), *shown)
    out.print(table)


@app.command()
def rotate(
    prefix: Annotated[str, typer.Argument(help="The first characters of the key, as `emoscope key list` shows.")],
    overlap_hours: Annotated[float, typer.Option(min=0, max=168, help="Hours for which the old key stays valid.")] = 24,
) -> None:
    """Replace a key: print a new one with the same scopes and limits, and let the old one expire."""
    from db.accounts import api_keys

    with end_with_sentence(api_keys.UnknownKey), open_database() as database, database.write() as session:
        key = api_keys.rotate_key(session, prefix, overlap_hours * 3600, find_operator())
    err.print(f"The previous key is valid for {overlap_hours:g} hours more.")
    out.print(key, soft_wrap=True, highlight=False)


@app.command()
def usage(
    application: Annotated[str | None, typer.Option(help="Only this application's keys.")] = None,
    days: Annotated[int, typer.Option(min=1, help="Number of days, including today (UTC).")] = 7,
    *,
    as_json: AsJson = False,
) -> None:
    """List the use of each key by day: requests, photos, faces, bytes, errors."""
    from db.accounts.usage import UsageFilter, list_usage

    first = datetime.now(UTC).date() - timedelta(days=days - 1)
    with open_database() as database, database.read() as session:
        rows = list_usage(session, UsageFilter(application=application, first_day=first))
    if as_json:
        from api.accounts.key_routes import usage_to_schema

        print_schemas(map(usage_to_schema, rows))
        return
    counts = ("requests", "photos", "faces", "bytes", "errors")
    table = Table("day", "key", "application", *counts)
    for row in rows:
        shown = (f"{getattr(row, name):,}" for name in counts)
        table.add_row(str(row.day), f"{row.key.prefix}…", escape(row.key.application.name), *shown)
    out.print(table)


@app.command()
def revoke(
    prefix: Annotated[str, typer.Argument(help="The first characters of the key, as `emoscope key list` shows.")],
) -> None:
    """Revoke a key at once."""
    from db.accounts import api_keys

    with end_with_sentence(api_keys.UnknownKey), open_database() as database, database.write() as session:
        api_keys.revoke_key(session, prefix, find_operator())
    err.print("Revoked.")
