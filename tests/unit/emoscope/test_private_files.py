"""The service's files are private to its user, including those of earlier releases."""

import subprocess
import sys
from pathlib import Path

import pytest

from db.core.session import Database
from emoscope.private_files import make_tree_private


def list_open_to_others(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in [folder, *folder.rglob("*")] if path.stat().st_mode & 0o077)


@pytest.fixture
def old_folder(tmp_path: Path) -> Path:
    """As a release left it that cared for no modes."""
    folder = tmp_path / "data"
    for name in ("blobs/photos", "logs", "model-cache/ab"):
        (folder / name).mkdir(parents=True)
    for name in ("emoscope.db", "emoscope.db-wal", "blobs/photos/1", "logs/api.log", "model-cache/ab/model.tflite"):
        (folder / name).touch()
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


def test_what_an_earlier_release_left_readable_becomes_private(old_folder: Path) -> None:
    assert len(list_open_to_others(old_folder)) == 11
    make_tree_private(old_folder)
    assert list_open_to_others(old_folder) == []
    assert (old_folder / "logs").stat().st_mode & 0o777 == 0o700
    assert (old_folder / "logs" / "api.log").stat().st_mode & 0o777 == 0o600


def test_blobs_are_looked_through_once(old_folder: Path) -> None:
    """There may be a million; the folder's own mode says that it was done, so it is changed last."""
    make_tree_private(old_folder)
    (old_folder / "blobs" / "photos" / "1").chmod(0o644)
    make_tree_private(old_folder)
    assert list_open_to_others(old_folder) == ["blobs/photos/1"]
    (old_folder / "blobs").chmod(0o755)
    make_tree_private(old_folder)
    assert list_open_to_others(old_folder) == []


def test_what_links_point_at_is_left_alone(old_folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir(mode=0o755)
    other.chmod(0o755)
    (old_folder / "link").symlink_to(other)
    make_tree_private(old_folder)
    assert other.stat().st_mode & 0o777 == 0o755


def test_a_new_sqlite_database_is_private_with_its_companions(tmp_path: Path) -> None:
    """Whatever the process's umask."""
    program = f"""
import os
os.umask(0)
from db.core.session import Database
from sqlalchemy import text
database = Database("sqlite:///{tmp_path}/new.db")
with database.write() as session:
    session.execute(text("CREATE TABLE numbers (number INTEGER)"))
print(sorted((name, oct(os.stat("{tmp_path}/" + name).st_mode & 0o777)) for name in os.listdir("{tmp_path}")))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == str([(f"new.db{end}", "0o600") for end in ("", "-shm", "-wal")])


def test_a_database_in_a_folder_that_is_missing_says_so(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/missing/new.db")
    with pytest.raises(Exception, match="unable to open database file"), database.read() as session:
        session.connection()
    assert list(tmp_path.iterdir()) == []
