"""`emoscope user`: users of the pages."""

import sys
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from db.core.vocabulary import Role
from emoscope.cli.database import open_database
from emoscope.cli.operator import find_operator
from emoscope.cli.terminal import AsJson, end_with_sentence, err, out, print_schemas

app = typer.Typer(help="Create, list and disable the users who sign in to the pages.", no_args_is_help=True)

_Name = Annotated[str, typer.Argument(help="The user's name for the sign-in.")]


@app.command()
def create(
    name: _Name,
    role: Annotated[Role, typer.Option(help="Role of the user. Each role includes the ones before it.")] = Role.VIEWER,
) -> None:
    """Create a user. Prompts for the password, or reads it from stdin if that isn't a terminal."""
    from db.accounts import users

    with end_with_sentence(users.InvalidUser):
        password_hash = users.hash_password(_read_password())
        with open_database() as database, database.write() as session:
            users.create_user(session, name, password_hash, role, actor=find_operator())
    err.print(f"{name!r} can sign in as {role}.")


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """List all users: role, state, last sign-in."""
    from db.accounts import users

    with open_database() as database, database.read() as session:
        found = users.list_users(session)
    if as_json:
        from api.accounts.user_routes import user_to_schema

        print_schemas(map(user_to_schema, found))
        return
    table = Table("name", "role", "state", "last signed in", "made")
    for user in found:
        state = "disabled" if user.disabled_at else ""
        signed_in = f"{user.last_signed_in_at:%Y-%m-%d %H:%M}" if user.last_signed_in_at else "never"
        table.add_row(escape(user.name), user.role, state, signed_in, f"{user.created_at:%Y-%m-%d}")
    out.print(table)


@app.command()
def password(name: _Name) -> None:
    """Set a new password. This ends all sessions of the user and lifts a lock."""
    from db.accounts import users

    with end_with_sentence(users.InvalidUser, users.UnknownUser):
        password_hash = users.hash_password(_read_password())
        with open_database() as database, database.write() as session:
            users.change_password(session, name, password_hash, actor=find_operator())
    err.print("Changed.")


@app.command()
def role(name: _Name, role: Annotated[Role, typer.Argument(help="The new role.")]) -> None:
    """Change a user's role."""
    from db.accounts import users

    refusals = (users.UnknownUser, users.LastAdministrator)
    with end_with_sentence(*refusals), open_database() as database, database.write() as session:
        users.change_role(session, name, role, actor=find_operator())
    err.print(f"{name!r} is {role} now.")


@app.command()
def disable(name: _Name) -> None:
    """Disable a user at once. Votes and audit log are kept."""
    from db.accounts import users

    refusals = (users.UnknownUser, users.LastAdministrator)
    with end_with_sentence(*refusals), open_database() as database, database.write() as session:
        users.disable_user(session, name, actor=find_operator())
    err.print("Disabled.")


@app.command()
def enable(name: _Name) -> None:
    """Enable a disabled or locked user."""
    from db.accounts import users

    with end_with_sentence(users.UnknownUser), open_database() as database, database.write() as session:
        users.enable_user(session, name, actor=find_operator())
    err.print("Enabled.")


def _read_password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\r\n")
