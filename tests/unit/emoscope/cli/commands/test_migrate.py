"""`emoscope migrate`: the newest schema, and the models of the release."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from db.core.schema import SchemaAge, list_known_revisions, read_schema
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


def test_to_brings_the_schema_back_and_forward_and_an_unknown_revision_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_settings: Callable[[], None]
) -> None:
    monkeypatch.setenv("EMOSCOPE_DATA_DIR", str(tmp_path))
    fresh_settings()
    newest, before = list_known_revisions()[:2]
    for revision, said in ((newest, f"the schema is at {newest}"), (before, f"at {before}, an older one")):
        done = CliRunner().invoke(app, ["migrate", "--to", revision])
        assert done.exit_code == 0, done.output
        assert said in " ".join(done.stderr.split())
        database = Database(f"sqlite:///{tmp_path}/emoscope.db")
        with database.read() as session:
            assert session.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == revision
        database.close()
    done = CliRunner().invoke(app, ["migrate", "--to", "9999"])
    assert done.exit_code == 1
    assert "9999" in done.stderr


def test_a_database_that_is_away_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, fresh_settings: Callable[[], None]
) -> None:
    monkeypatch.setenv("EMOSCOPE_DATABASE_URL", "postgresql://me:secret@127.0.0.1:1/emo")
    fresh_settings()
    done = CliRunner().invoke(app, ["migrate"])
    assert done.exit_code == 1
    assert "Error:" in done.stderr
    assert "secret" not in done.output
