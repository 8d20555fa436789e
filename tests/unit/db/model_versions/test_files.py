"""A version's folder, copied to the blob store and back."""

import hashlib
import json
from pathlib import Path

import pytest

from db.core.blobs import BlobDamaged, BlobStore, make_model_key
from db.core.session import Database
from db.model_versions.files import fetch_version, find_stored, store_version
from tests.support.factories.model_versions import make_manifest

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(str(tmp_path / "blobs"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "version"
    made.mkdir()
    (made / "model.keras").write_bytes(b"weights")
    files = {"model.keras": {"sha256": hashlib.sha256(b"weights").hexdigest(), "bytes": 7}}
    (made / "manifest.json").write_text(json.dumps(make_manifest(files=files)))
    return made


def test_a_folder_is_stored_once_and_comes_back_as_it_was(
    database: Database, blobs: BlobStore, folder: Path, tmp_path: Path
) -> None:
    assert find_stored(database, folder) is None
    version = store_version(database, blobs, "mine", folder)
    assert store_version(database, blobs, "again", folder).number == version.number
    found = find_stored(database, folder)
    assert found is not None
    assert (found.number, found.name) == (version.number, "mine")
    fetched = fetch_version(blobs, version, tmp_path / "cache" / "1")
    assert {file.name: file.read_bytes() for file in fetched.iterdir()} == {
        file.name: file.read_bytes() for file in folder.iterdir()
    }


def test_a_damaged_file_leaves_no_half_a_folder(
    database: Database, blobs: BlobStore, folder: Path, tmp_path: Path
) -> None:
    version = store_version(database, blobs, "mine", folder)
    blobs.put(make_model_key(hashlib.sha256(b"weights").hexdigest()), b"others!")
    with pytest.raises(BlobDamaged):
        fetch_version(blobs, version, tmp_path / "cache" / "1")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_folder_that_is_there_is_fetched_no_more(database: Database, blobs: BlobStore, folder: Path) -> None:
    version = store_version(database, blobs, "mine", folder)
    blobs.delete(make_model_key(version.digest))
    assert fetch_version(blobs, version, folder) == folder


def test_a_manifest_names_no_file_outside_its_folder(
    database: Database, blobs: BlobStore, folder: Path, tmp_path: Path
) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["../escaped"] = {"sha256": hashlib.sha256(b"weights").hexdigest(), "bytes": 7}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "escaped").write_bytes(b"weights")
    version = store_version(database, blobs, "mine", folder)
    (tmp_path / "escaped").unlink()
    fetched = fetch_version(blobs, version, tmp_path / "cache" / "1")
    assert (fetched / "escaped").exists()
    assert not (tmp_path / "cache" / "escaped").exists()
