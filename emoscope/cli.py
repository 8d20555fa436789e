"""The command line. Each command is a file in `commands/`; what it needs is imported when it runs, so that help is instant."""

import typer

from emoscope.commands import analyze, demo, doctor, keys, migrate, models, up, users

app = typer.Typer(
    name="emoscope",
    help="Find the faces in photos, and say which emotion each appears to express.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)

app.command("up")(up.up)
app.command("demo")(demo.demo)
app.command("analyze")(analyze.analyze)
app.command("doctor")(doctor.doctor)
app.command("migrate")(migrate.migrate)
app.add_typer(keys.app, name="key")
app.add_typer(models.app, name="models")
app.add_typer(users.app, name="user")


def main() -> None:
    """Run the command that the arguments name."""
    app()
