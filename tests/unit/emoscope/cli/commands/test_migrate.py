"""`emoscope migrate`: the newest schema, and the models of the release."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from db.core.schema import SchemaAge, read_schema
from db.core.session import Database
from db.model_versions.actions import list_versions
from emoscope.cli.app import app
from training.export.artifact import list_pretrained


def test_a_new_folder_gets_the_schema_and_every_shipped_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_settings: Callable[[], None]
) -> None:
    monkeypatch.setenv("EMOSCOPE_DATA_DIR", str(tmp_path / "data"))
    fresh_settings()
    for _ in range(2):
        done = CliRunner().invoke(app, ["migrate"])
        assert done.exit_code == 0, done.output
    database = Database(f"sqlite:///{tmp_path}/data/emoscope.db")
    assert read_schema(database).age is SchemaAge.CURRENT
    with database.read() as session:
        assert {version.name for version in list_versions(session)} == set(list_pretrained())
    database.close()


def test_a_database_that_is_away_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, fresh_settings: Callable[[], None]
) -> None:
    monkeypatch.setenv("EMOSCOPE_DATABASE_URL", "postgresql://me:secret@127.0.0.1:1/emo")
    fresh_settings()
    done = CliRunner().invoke(app, ["migrate"])
    assert done.exit_code == 1
    assert "Error:" in done.stderr
    assert "secret" not in done.output
