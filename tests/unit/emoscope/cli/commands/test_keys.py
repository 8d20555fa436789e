"""What the listing commands show is what is stored, whatever it looks like."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from api.accounts.key_routes import Key, Usage
from db.accounts import api_keys
from db.accounts.tables import ApiKey, KeyUsage
from db.core.actors import Actor
from db.core.session import Database
from db.model_versions import actions as model_versions
from emoscope.cli import terminal
from emoscope.cli.app import app
from emoscope.settings import Settings
from tests.support.factories.model_versions import make_manifest

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
        version = model_versions.add_version(session, ODD_NAME, "0" * 64, make_manifest())
        model_versions.promote(session, version, Actor.user("ben"), ODD_NAME)
    for command in ("history", "list"):
        shown = RUNNER.invoke(app, ["models", command])
        assert shown.exit_code == 0, shown.output
        assert ODD_NAME in shown.stdout


def test_a_key_is_made_for_an_application_that_can_be_asked_for(database: Database) -> None:
    assert RUNNER.invoke(app, ["key", "create", "all"]).exit_code == 1
    assert RUNNER.invoke(app, ["key", "create", " shop "]).exit_code == 0
    with database.read() as session:
        assert [key.application.name for key in api_keys.list_keys(session)] == ["shop"]


def test_the_secret_of_callbacks_is_shown_with_the_first_key_alone(database: Database) -> None:
    first, second = (RUNNER.invoke(app, ["key", "create", "a shop"]) for _ in range(2))
    with database.read() as session:
        (application,) = api_keys.list_applications(session)
        assert application.callback_secret in first.stderr
        assert application.callback_secret not in second.output
    assert "emoscope webhook rotate-callbacks 'a shop'" in second.stderr, "a command to copy is not broken into lines"


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


def list_keys() -> list[dict[str, object]]:
    listed = RUNNER.invoke(app, ["key", "list", "--json"])
    assert listed.exit_code == 0, listed.output
    return list(json.loads(listed.stdout))


def test_keys_are_listed_as_the_api_shows_them_and_never_whole(database: Database) -> None:
    words = ["--purpose", "media", "--description", ODD_NAME, "--expires-days", "2", "--rate-limit", "60/minute"]
    made = RUNNER.invoke(app, ["key", "create", "shop", "--daily-quota", "5", *words])
    listed = RUNNER.invoke(app, ["key", "list", "--json"]).stdout
    [key] = json.loads(listed)
    assert tuple(key) == tuple(Key.model_fields)
    assert made.stdout.strip().startswith(key["prefix"])
    assert made.stdout.strip() not in listed
    assert (key["application"], key["purpose"], key["description"]) == ("shop", "media", ODD_NAME)
    assert (key["scopes"], key["rate_limit"], key["daily_quota"]) == (["submit"], "60/minute", 5)
    left = datetime.fromisoformat(key["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=1.9) < left < timedelta(days=2)
    assert (key["last_used_at"], key["revoked_at"]) == (None, None)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--purpose", "workplace"], "5(1)(f)"),
        (["--rate-limit", "fast"], "600/minute"),
        (["--test", "--scope", "admin"], "submit"),
    ],
)
def test_what_no_key_may_have_is_a_sentence_and_makes_none(database: Database, words: list[str], reason: str) -> None:
    refused = RUNNER.invoke(app, ["key", "create", "shop", *words])
    assert refused.exit_code == 1
    assert refused.stderr.startswith("Error:")
    assert reason in refused.stderr
    assert refused.stdout == ""
    assert list_keys() == []


def test_an_application_without_a_purpose_is_asked_for_one(database: Database) -> None:
    assert "--purpose" in RUNNER.invoke(app, ["key", "create", "shop"]).stderr
    assert "--purpose" not in RUNNER.invoke(app, ["key", "create", "shop", "--purpose", "art"]).stderr
    assert "--purpose" not in RUNNER.invoke(app, ["key", "create", "shop"]).stderr


def test_a_test_key_tells_itself_apart(database: Database) -> None:
    assert RUNNER.invoke(app, ["key", "create", "shop", "--test"]).stdout.startswith("emo_test_")


def test_a_rotated_key_keeps_its_terms_and_the_one_before_ends_after_the_overlap(database: Database) -> None:
    before = RUNNER.invoke(app, ["key", "create", "shop", "--daily-quota", "5", "--scope", "admin"]).stdout.strip()
    rotated = RUNNER.invoke(app, ["key", "rotate", before[:12], "--overlap-hours", "2"])
    assert rotated.exit_code == 0, rotated.output
    assert "2 hours" in rotated.stderr
    old, new = list_keys()
    assert rotated.stdout.strip().startswith(str(new["prefix"]))
    assert (new["daily_quota"], new["scopes"], new["expires_at"]) == (5, ["admin"], None)
    left = datetime.fromisoformat(str(old["expires_at"])) - datetime.now(UTC)
    assert timedelta(hours=1.9) < left < timedelta(hours=2)
    assert RUNNER.invoke(app, ["key", "rotate", "emo_nothing"]).stderr.startswith("Error:")
    assert RUNNER.invoke(app, ["key", "rotate", before[:12], "--overlap-hours", "169"]).exit_code == 2


def test_usage_is_listed_by_key_and_day_and_restricted_by_application_and_days(database: Database) -> None:
    today = datetime.now(UTC).date()
    with database.write() as session:
        for name in ("shop", "rival"):
            owner = api_keys.ensure_application(session, name)
            key = api_keys.create_key(session, owner)
            row = session.scalars(select(ApiKey).where(ApiKey.prefix == api_keys.show_start(key))).one()
            for days in (0, 1, 9):
                counts = {"requests": 1234, "photos": 2, "faces": 3, "bytes": 4, "errors": days}
                session.add(KeyUsage(key_id=row.id, day=today - timedelta(days=days), **counts))
    rows = json.loads(RUNNER.invoke(app, ["key", "usage", "--json", "--application", "shop"]).stdout)
    assert [(row["application"], row["day"], row["errors"]) for row in rows] == [
        ("shop", str(today), 0),
        ("shop", str(today - timedelta(days=1)), 1),
    ]
    assert tuple(rows[0]) == tuple(Usage.model_fields)
    assert len(json.loads(RUNNER.invoke(app, ["key", "usage", "--json", "--days", "10"]).stdout)) == 6
    assert len(json.loads(RUNNER.invoke(app, ["key", "usage", "--json", "--days", "1"]).stdout)) == 2
    assert "1,234" in RUNNER.invoke(app, ["key", "usage"]).stdout
