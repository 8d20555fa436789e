"""`emoscope transfer`: from a stopped stack's folder into the configured installation."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from db.core import migrate
from db.core.blobs import BlobStore, make_photo_key
from db.core.session import Database
from db.jobs.tables import Job
from emoscope.cli.commands import transfer as module
from emoscope.settings import Settings, load_settings
from emoscope.stack import status
from tests.support.commands import CommandLine
from tests.support.factories.jobs import add_job

PHOTO = b"a photo"


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Path]:
    """The data folder of a one-machine stack with a job."""
    folder = tmp_path / "old"
    folder.mkdir()
    settings = Settings(_env_file=None, data_dir=folder, database_url="", blob_url="")
    database = Database(settings.effective_database_url)
    migrate.upgrade(database)
    job_id = uuid4()
    BlobStore(settings.effective_blob_url).put(make_photo_key(job_id), PHOTO)
    digest = hashlib.sha256(PHOTO).hexdigest()
    add_job(database, id=job_id, photo_key=make_photo_key(job_id), photo_sha256=digest)
    yield folder
    database.close()


def test_rows_and_files_arrive_and_stdout_says_how_many(command_line: CommandLine, source: Path) -> None:
    done = command_line.run("transfer", "--from", str(source))
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert (report["tables"]["jobs"]["rows"], report["files"], report["missing_photos"]) == (1, 1, 0)
    assert report["bytes"] == len(PHOTO)
    with command_line.database.read() as session:
        [job] = session.query(Job)
        assert job.photo_key is not None
        assert BlobStore(load_settings().effective_blob_url).get(job.photo_key, job.photo_sha256) == PHOTO


def test_photos_that_are_gone_are_counted(command_line: CommandLine, source: Path) -> None:
    for photo in (source / "blobs").rglob("*"):
        if photo.is_file():
            photo.unlink()
    done = command_line.run("transfer", "--from", str(source))
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["missing_photos"] == 1
    assert "1 photos were missing" in done.stderr


def test_a_target_that_holds_something_else_is_refused(command_line: CommandLine, source: Path) -> None:
    add_job(command_line.database)
    said = command_line.expect(1, "transfer", "--from", str(source))
    assert "Error:" in said
    with command_line.database.read() as session:
        assert session.query(Job).count() == 1


def test_a_folder_without_a_database_is_refused(command_line: CommandLine, tmp_path: Path) -> None:
    assert "has no emoscope.db" in command_line.expect(1, "transfer", "--from", str(tmp_path / "nothing"))


def test_a_stack_that_runs_must_be_stopped_first(
    command_line: CommandLine, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "read_status", lambda _: [])
    assert "stop it first" in command_line.expect(1, "transfer", "--from", str(source))
    assert not (source / module.STATE).exists()


def test_an_installation_is_not_moved_to_itself(
    command_line: CommandLine, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMOSCOPE_DATABASE_URL", f"sqlite:///{source}/emoscope.db")
    load_settings.cache_clear()
    assert "are the same" in command_line.expect(1, "transfer", "--from", str(source))
