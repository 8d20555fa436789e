"""What the listing commands show is what is stored, whatever it looks like."""

from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from db.accounts import api_keys
from db.core.session import Database
from db.model_versions import actions as model_versions
from emoscope.cli import terminal
from emoscope.cli.app import app
from emoscope.settings import Settings

RUNNER = CliRunner()
ODD_NAME = "[red]shop[/red] [/nothing]"
"""As markup it would be red, and then an error."""


@pytest.fixture(autouse=True)
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch, fresh_settings: Callable[[], None]) -> None:
    for name, value in settings.to_environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(terminal.out, "width", 200)  # so that no cell is broken into lines
    fresh_settings()


def test_a_key_is_listed_with_its_applications_name_to_the_letter(database: Database) -> None:
    with database.write() as session:
        api_keys.create_key(session, api_keys.ensure_application(session, ODD_NAME))
    listed = RUNNER.invoke(app, ["key", "list"])
    assert listed.exit_code == 0, listed.output
    assert ODD_NAME in listed.stdout


def test_the_history_shows_reasons_to_the_letter(database: Database) -> None:
    with database.write() as session:
        version = model_versions.add_version(
            session, ODD_NAME, "0" * 64, {"schema_version": 2, "architecture": "report"}
        )
        model_versions.promote(session, version, "ben", ODD_NAME)
    for command in ("history", "list"):
        shown = RUNNER.invoke(app, ["models", command])
        assert shown.exit_code == 0, shown.output
        assert ODD_NAME in shown.stdout


def test_a_key_is_made_for_an_application_that_can_be_asked_for(database: Database) -> None:
    assert RUNNER.invoke(app, ["key", "create", "all"]).exit_code == 1
    assert RUNNER.invoke(app, ["key", "create", " shop "]).exit_code == 0
    with database.read() as session:
        assert [key.application.name for key in api_keys.list_keys(session)] == ["shop"]


def test_a_key_works_until_it_is_revoked_by_its_first_characters(database: Database) -> None:
    made = RUNNER.invoke(app, ["key", "create", "shop", "--scope", "submit", "--scope", "review"])
    key = made.stdout.strip()
    assert "whsec_" in made.stderr
    with database.read() as session:
        [stored] = api_keys.list_keys(session)
        assert (stored.scopes, key.startswith(stored.prefix)) == (["submit", "review"], True)
    assert RUNNER.invoke(app, ["key", "revoke", "emo_nothing"]).exit_code == 1
    assert RUNNER.invoke(app, ["key", "revoke", stored.prefix]).exit_code == 0
    assert RUNNER.invoke(app, ["key", "revoke", stored.prefix]).exit_code == 1
