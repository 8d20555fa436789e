"""`emoscope key`: API keys of applications."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from db.core.vocabulary import Scope
from emoscope.cli.database import open_database
from emoscope.cli.operator import find_operator
from emoscope.cli.terminal import end_with_sentence, err, out

app = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)


@app.command()
def create(
    application: Annotated[str, typer.Argument(help="Name of the application; made if it is new.")],
    scope: Annotated[
        list[Scope] | None,
        typer.Option(help="What the key may do; give it several times for several. Default: submit."),
    ] = None,
) -> None:
    """Make a key for an application and print it. It can't be shown again."""
    from db.accounts import api_keys

    with end_with_sentence(ValueError):
        name = api_keys.clean_name(application)
    with open_database() as database, database.write() as session:
        owner = api_keys.ensure_application(session, name)
        key = api_keys.create_key(session, owner, scope or [Scope.SUBMIT], actor=find_operator())
        secret = owner.callback_secret
    err.print(f"Key of {name!r}. Keep it: only its hash is stored. Its callbacks are signed with {secret}")
    out.print(key, soft_wrap=True, highlight=False)


@app.command("list")
def list_() -> None:
    """List all keys: whose, when made, when last used."""
    from db.accounts import api_keys

    table = Table("key", "application", "scopes", "made", "last used", "revoked")
    with open_database() as database, database.read() as session:
        for key in api_keys.list_keys(session):
            moments = (key.created_at, key.last_used_at, key.revoked_at)
            shown = (f"{moment:%Y-%m-%d %H:%M}" if moment else "" for moment in moments)
            table.add_row(f"{key.prefix}…", escape(key.application.name), " ".join(key.scopes), *shown)
    out.print(table)


@app.command()
def revoke(
    prefix: Annotated[str, typer.Argument(help="The first characters of the key, as `emoscope key list` shows.")],
) -> None:
    """Revoke a key at once."""
    from db.accounts import api_keys

    with end_with_sentence(ValueError), open_database() as database, database.write() as session:
        if not api_keys.revoke_key(session, prefix, actor=find_operator()):
            raise ValueError(f"no valid key starts with {prefix!r}")
    err.print("Revoked.")
