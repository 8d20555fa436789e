"""Commands as somebody types them, on a database of their own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from db.core import migrate
from db.core.session import Database
from emoscope.cli import terminal
from emoscope.cli.app import app


class CommandLine:
    """Runs commands of `emoscope`, and looks into the database that they use."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def run(self, *words: str, typed: str | bytes | None = None) -> Result:
        return CliRunner().invoke(app, list(words), input=typed)

    def expect(self, status: int, *words: str, typed: str | None = None) -> str:
        """Run a command that ends with this status. Returns all that it said, in one line."""
        done = self.run(*words, typed=typed)
        assert done.exit_code == status, done.output
        return " ".join(done.output.split())


@pytest.fixture
def command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_settings: Callable[[], None]
) -> Iterator[CommandLine]:
    """The command line on a new SQLite database with the newest schema."""
    url = f"sqlite:///{tmp_path}/commands.db"
    for name, value in {
        "DATABASE_URL": url,
        "DATA_DIR": str(tmp_path / "data"),
        "BLOB_URL": str(tmp_path / "b"),
    }.items():
        monkeypatch.setenv(f"EMOSCOPE_{name}", value)
    monkeypatch.setattr(terminal.out, "width", 200)  # so that no cell is broken into lines
    fresh_settings()
    database = Database(url)
    migrate.upgrade(database)
    yield CommandLine(database)
    database.close()
