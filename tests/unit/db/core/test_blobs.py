import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from db.core.blobs import (
    BlobDamaged,
    BlobMissing,
    BlobStore,
    BlobStoreUnavailable,
    S3Options,
    make_model_key,
    make_photo_key,
)

DATA = b"some bytes"
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BlobStore]:
    if request.param == "folder":
        yield BlobStore(str(tmp_path / "blobs"))
        return
    endpoint = request.getfixturevalue("s3_endpoint")
    yield BlobStore(f"s3://emoscope/{uuid4()}", S3Options(endpoint, "us-east-1", "test", "test"))


def test_what_was_stored_is_read_again(store: BlobStore) -> None:
    store.put("photos/a", DATA)
    assert store.has("photos/a")
    assert store.get("photos/a", SHA256) == DATA


def test_a_blob_that_is_not_there_is_missing(store: BlobStore) -> None:
    assert not store.has("photos/b")
    with pytest.raises(BlobMissing):
        store.get("photos/b", SHA256)


def test_deleting_twice_is_fine(store: BlobStore) -> None:
    store.put("photos/c", DATA)
    store.delete("photos/c")
    store.delete("photos/c")
    assert not store.has("photos/c")


def test_keys_are_listed_by_what_they_begin_with_and_how_old_they_are(store: BlobStore) -> None:
    for key in ("photos/a", "photos/b", "models/a"):
        store.put(key, DATA)
    assert set(store.list_older("photos", age_s=-60)) == {"photos/a", "photos/b"}
    assert list(store.list_older("photos", age_s=3600)) == []


def test_other_bytes_than_were_stored_are_not_given_out(store: BlobStore) -> None:
    store.put("models/d", DATA + b"!")
    with pytest.raises(BlobDamaged):
        store.get("models/d", SHA256)


def test_a_store_that_is_away_says_so() -> None:
    store = BlobStore("s3://emoscope/x", S3Options("http://127.0.0.1:9", "us-east-1", "test", "test"), timeout_s=1)
    for call in (
        lambda: store.put("a", DATA),
        lambda: store.get("a", SHA256),
        lambda: store.has("a"),
        lambda: store.delete("a"),
    ):
        with pytest.raises(BlobStoreUnavailable):
            call()


def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BlobStoreUnavailable, match="can't create the folder"):
        BlobStore(str(tmp_path / "file" / "blobs"))


def test_keys_tell_photos_from_models() -> None:
    job_id = uuid4()
    assert make_photo_key(job_id) == f"photos/{job_id}"
    assert make_model_key(SHA256) == f"models/{SHA256}"
    with pytest.raises(ValueError, match="not a hex SHA-256"):
        make_model_key("../../etc/passwd")


def test_many_are_deleted_at_once_whether_they_are_there_or_not(store: BlobStore) -> None:
    keys = [f"photos/{number}" for number in range(5)]
    for key in keys:
        store.put(key, b"photo")
    store.delete_many([*keys[:3], "photos/none"])
    assert [store.has(key) for key in keys] == [False, False, False, True, True]
    store.delete_many([])


def test_a_large_file_is_stored_with_little_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(80_000_000))
    program = """
import sys
from pathlib import Path
from bench.exports.million_rows import read_peak_mb
from db.core.blobs import BlobStore
folder = Path(sys.argv[1])
before = read_peak_mb()
BlobStore(str(folder / "blobs")).put_file("exports/file", folder / "file")
print(read_peak_mb() - before)
"""
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 40
    assert (tmp_path / "blobs/exports/file").stat().st_size == 80_000_000
