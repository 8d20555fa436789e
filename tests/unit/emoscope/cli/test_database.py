"""Opening the database for commands."""

from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from sqlalchemy import text
from typer.testing import CliRunner

from emoscope.cli.app import app
from emoscope.cli.database import open_database


def test_a_database_without_a_schema_ends_the_command_with_what_to_do(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fresh_settings: Callable[[], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("EMOSCOPE_DATABASE_URL", f"sqlite:///{tmp_path}/empty.db")
    fresh_settings()
    with pytest.raises(typer.Exit) as ended, open_database() as database, database.read() as session:
        session.execute(text("SELECT * FROM jobs"))
    said = " ".join(capsys.readouterr().err.split())
    assert ended.value.exit_code == 1
    assert "no such table: jobs" in said
    assert "migrate" in said


def test_other_faults_are_shown_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_settings: Callable[[], None]
) -> None:
    monkeypatch.setenv("EMOSCOPE_DATABASE_URL", f"sqlite:///{tmp_path}/empty.db")
    fresh_settings()
    with pytest.raises(KeyError), open_database():
        raise KeyError


@pytest.mark.parametrize("command", ["key create shop", "key list", "user list", "user create ana", "models list"])
def test_a_command_before_there_is_a_database_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_settings: Callable[[], None], command: str
) -> None:
    monkeypatch.setenv("EMOSCOPE_DATA_DIR", str(tmp_path / "new"))
    fresh_settings()
    for _ in range(2):  # without a folder, then with a database that has no schema
        done = CliRunner().invoke(app, command.split(), input="correct horse battery\n")
        assert done.exit_code == 1
        assert isinstance(done.exception, SystemExit)
        assert " up`" in " ".join(done.stderr.split())
        (tmp_path / "new").mkdir(exist_ok=True)
