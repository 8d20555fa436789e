"""Workers follow the champion, and keep what they have when the new one can't be had. With the versions that ship."""

from pathlib import Path

import pytest

from db.core.blobs import BlobStore, make_model_key
from db.core.session import Database
from db.core.vocabulary import CHALLENGER
from db.model_versions import actions as model_versions
from db.model_versions import shadow
from db.model_versions.files import store_version
from db.model_versions.tables import ModelVersion
from tests.support.factories.actors import TEST
from training.export.artifact import TFLITE_FILE, list_pretrained
from worker.analysis.model_cache import ModelCache, NoModel

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def versions(database: Database, blob_store: BlobStore) -> tuple[ModelVersion, ModelVersion]:
    """Two versions that are stored, of which none is in service."""
    first, second, *_ = (
        store_version(database, blob_store, name, folder) for name, folder in list_pretrained().items()
    )
    return first, second


@pytest.fixture
def cache(database: Database, blob_store: BlobStore, tmp_path: Path) -> ModelCache:
    return ModelCache(database, blob_store, tmp_path / "model-cache", "litert", retry_s=0)


def promote(database: Database, version: ModelVersion) -> None:
    with database.write() as session:
        model_versions.promote(session, version, TEST, "for the test")


def name_blob(version: ModelVersion) -> str:
    return make_model_key(version.manifest["files"][TFLITE_FILE]["sha256"])


def test_the_model_in_hand_follows_the_champion(
    database: Database, cache: ModelCache, versions: tuple[ModelVersion, ModelVersion]
) -> None:
    first, second = versions
    with pytest.raises(NoModel):
        _ = cache.current
    for version in (first, second, first):
        promote(database, version)
        assert cache.refresh()
        assert (cache.current.number, cache.problem) == (version.number, None)
        assert not cache.refresh()


def test_the_challengers_cache_follows_its_own_alias_and_lets_go(
    database: Database, blob_store: BlobStore, versions: tuple[ModelVersion, ModelVersion], tmp_path: Path
) -> None:
    first, second = versions
    cache = ModelCache(database, blob_store, tmp_path / "model-cache", "litert", CHALLENGER)
    promote(database, first)
    assert not cache.refresh()
    assert not cache.is_loaded
    with database.write() as session:
        shadow.start_shadow(session, second, TEST, "for the test")
    assert cache.refresh()
    assert cache.current.number == second.number
    with database.write() as session:
        shadow.stop_shadow(session, TEST)
    cache.refresh()
    assert not cache.is_loaded


@pytest.mark.parametrize("what", ["missing", "damaged"])
def test_the_old_model_stays_when_the_new_ones_files_are_missing_or_damaged(
    database: Database,
    blob_store: BlobStore,
    cache: ModelCache,
    versions: tuple[ModelVersion, ModelVersion],
    what: str,
) -> None:
    first, second = versions
    promote(database, first)
    cache.refresh()
    whole = blob_store.get(name_blob(second), second.manifest["files"][TFLITE_FILE]["sha256"])
    blob_store.delete(name_blob(second))
    if what == "damaged":
        blob_store.put(name_blob(second), whole[:-1] + b"x")
    promote(database, second)
    assert not cache.refresh()
    assert cache.current.number == first.number
    assert f"version {second.number} can't be loaded" in str(cache.problem)
    blob_store.put(name_blob(second), whole)
    assert cache.refresh()
    assert (cache.current.number, cache.problem) == (second.number, None)


def test_a_damaged_copy_on_this_machine_is_fetched_anew(
    database: Database, cache: ModelCache, versions: tuple[ModelVersion, ModelVersion], tmp_path: Path
) -> None:
    first, second = versions
    promote(database, first)
    cache.refresh()
    copy = tmp_path / "model-cache" / second.digest / TFLITE_FILE
    copy.parent.mkdir()
    copy.write_bytes(b"half a model")
    promote(database, second)
    assert cache.refresh()
    assert cache.current.number == second.number


def test_whoever_has_no_model_tries_again_at_once(
    database: Database,
    blob_store: BlobStore,
    versions: tuple[ModelVersion, ModelVersion],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = versions
    promote(database, first)
    cache = ModelCache(database, blob_store, tmp_path / "model-cache", "litert")
    fetch = cache._fetch

    def find_the_disk_full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(cache, "_fetch", find_the_disk_full)
    assert not cache.refresh()
    assert cache.problem is not None
    monkeypatch.setattr(cache, "_fetch", fetch)
    assert cache.refresh()
    promote(database, second)
    monkeypatch.setattr(cache, "_fetch", find_the_disk_full)
    assert not cache.refresh()
    monkeypatch.setattr(cache, "_fetch", fetch)
    assert not cache.refresh(), "with a model in hand it waits for a minute"
