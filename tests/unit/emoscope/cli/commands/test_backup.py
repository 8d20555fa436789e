"""`emoscope backup` and `emoscope restore`: no partial files, and clear errors."""

import hashlib
import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from db.accounts import api_keys
from db.core.blobs import BlobStore, make_photo_key
from db.core.session import Database
from db.jobs.tables import Job
from emoscope.settings import load_settings
from tests.support.commands import CommandLine
from tests.support.factories.jobs import add_job

PHOTO = b"a photo"


@pytest.fixture
def blobs(command_line: CommandLine) -> BlobStore:
    return BlobStore(load_settings().effective_blob_url)


@pytest.fixture
def job_id(command_line: CommandLine, blobs: BlobStore) -> str:
    """A job whose photo is stored."""
    made = uuid4()
    blobs.put(make_photo_key(made), PHOTO)
    digest = hashlib.sha256(PHOTO).hexdigest()
    return str(add_job(command_line.database, id=made, photo_key=make_photo_key(made), photo_sha256=digest))


@pytest.fixture
def move_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_settings: Callable[[], None]
) -> Callable[[], Database]:
    """From then on commands use another, empty installation."""

    def move() -> Database:
        url = f"sqlite:///{tmp_path}/elsewhere/new.db"
        (tmp_path / "elsewhere").mkdir()
        for name, value in {"DATABASE_URL": url, "BLOB_URL": str(tmp_path / "elsewhere/b")}.items():
            monkeypatch.setenv(f"EMOSCOPE_{name}", value)
        fresh_settings()
        return Database(url)

    return move


def test_what_was_saved_is_there_again_elsewhere(
    command_line: CommandLine, tmp_path: Path, job_id: str, move_elsewhere: Callable[[], Database]
) -> None:
    file = tmp_path / "saved.tar"
    command_line.expect(0, "backup", str(file))
    assert not file.with_name("saved.tar.part").exists()
    there = move_elsewhere()
    command_line.expect(0, "restore", str(file))
    with there.read() as session:
        [job] = session.query(Job)
        assert str(job.id) == job_id
        assert job.photo_key is not None
        assert BlobStore(load_settings().effective_blob_url).get(job.photo_key, job.photo_sha256) == PHOTO
    said = command_line.expect(1, "restore", str(file))  # it isn't empty any more
    assert "Error:" in said
    there.close()


def test_a_backup_goes_to_standard_output_and_comes_from_standard_input(
    command_line: CommandLine, job_id: str, move_elsewhere: Callable[[], Database]
) -> None:
    saved = command_line.run("backup", "-")
    assert saved.exit_code == 0, saved.output
    with tarfile.open(fileobj=io.BytesIO(saved.stdout_bytes)) as tar:
        names = tar.getnames()
    assert (names[0], names[-1]) == ("manifest.json", "summary.json")
    there = move_elsewhere()
    assert command_line.run("restore", "-", typed=saved.stdout_bytes).exit_code == 0
    with there.read() as session:
        assert session.query(Job).count() == 1
    there.close()


def test_a_backup_replaces_no_file_and_leaves_no_half_of_one(
    command_line: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "saved.tar"
    file.write_text("mine")
    assert "already exists" in command_line.expect(1, "backup", str(file))
    assert file.read_text() == "mine"
    assert "Error:" in command_line.expect(1, "backup", str(tmp_path / "no-folder" / "saved.tar"))


def test_photos_are_left_out_on_demand_and_the_restore_says_so(
    command_line: CommandLine, tmp_path: Path, job_id: str, move_elsewhere: Callable[[], Database]
) -> None:
    file = tmp_path / "saved.tar"
    command_line.expect(0, "backup", str(file), "--no-photos")
    with tarfile.open(file) as tar:
        assert not [name for name in tar.getnames() if "photos/" in name]
    there = move_elsewhere()
    assert "1 jobs have no photo" in command_line.expect(0, "restore", str(file))
    there.close()


def test_photos_that_are_gone_are_counted(
    command_line: CommandLine, tmp_path: Path, job_id: str, blobs: BlobStore
) -> None:
    blobs.delete(make_photo_key(UUID(job_id)))
    assert "1 photos had been deleted" in command_line.expect(0, "backup", str(tmp_path / "saved.tar"))


def test_a_file_that_is_no_backup_restores_nothing(
    command_line: CommandLine, tmp_path: Path, move_elsewhere: Callable[[], Database]
) -> None:
    with command_line.database.write() as session:
        api_keys.ensure_application(session, "shop")
    file, whole = tmp_path / "odd.tar", tmp_path / "saved.tar"
    file.write_text("a text")
    command_line.expect(0, "backup", str(whole))
    move_elsewhere().close()
    for name in (file, tmp_path / "nothing.tar"):
        said = command_line.expect(1, "restore", str(name))
        assert "Error:" in said
        assert "Traceback" not in said
    file.write_bytes(whole.read_bytes()[: len(whole.read_bytes()) // 2])
    assert "Error:" in command_line.expect(1, "restore", str(file))
