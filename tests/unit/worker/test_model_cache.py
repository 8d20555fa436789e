import hashlib
import shutil
from pathlib import Path

import pytest

from db import model_versions
from db.session import Database
from db.storage import BlobStore, make_model_key
from emoscope.provision import register_shipped_models
from training.artifact import KERAS_FILE, TFLITE_FILE, Manifest
from worker.model_cache import ModelCache, NoModel


@pytest.fixture
def cache(database: Database, blob_store: BlobStore, tmp_path: Path) -> ModelCache:
    return ModelCache(database, blob_store, tmp_path / "cache", "litert")


def register(database: Database, blob_store: BlobStore) -> None:
    register_shipped_models(database, blob_store, lambda _step: None)


def promote_another(database: Database) -> int:
    """Put the shipped version in service that isn't. Returns its number."""
    with database.write() as session:
        champion = model_versions.get_champion(session)
        assert champion is not None
        other = next(version for version in model_versions.list_versions(session) if version.id != champion.id)
        model_versions.promote(session, other, "test", "test")
        return other.number


def test_without_a_champion_there_is_no_model_and_a_reason(cache: ModelCache) -> None:
    assert not cache.refresh()
    with pytest.raises(NoModel, match="no model version is in service"):
        _ = cache.current


def test_the_champion_is_fetched_and_loaded(cache: ModelCache, database: Database, blob_store: BlobStore) -> None:
    register(database, blob_store)
    assert cache.refresh()
    with database.read() as session:
        champion = model_versions.get_champion(session)
    assert champion is not None
    assert (cache.current.version_id, cache.current.number) == (champion.id, champion.number)
    assert cache.problem is None
    assert not cache.refresh()


def test_a_new_champion_is_swapped_in(cache: ModelCache, database: Database, blob_store: BlobStore) -> None:
    register(database, blob_store)
    cache.refresh()
    number = promote_another(database)
    assert cache.refresh()
    assert cache.current.number == number


@pytest.mark.parametrize("damage", ["missing", "changed"])
def test_a_champion_that_cannot_be_loaded_leaves_the_old_one_in_service(
    cache: ModelCache, database: Database, blob_store: BlobStore, damage: str
) -> None:
    register(database, blob_store)
    cache.refresh()
    old = cache.current.number
    number = promote_another(database)
    with database.read() as session:
        manifest = Manifest.from_json(model_versions.get_version(session, number).manifest)
    key = make_model_key(manifest.files[TFLITE_FILE].sha256)
    blob_store.delete(key)
    if damage == "changed":
        blob_store.put(key, b"not the model")
    assert not cache.refresh()
    assert cache.current.number == old
    assert cache.problem is not None
    assert f"model version {number} can't be loaded" in cache.problem


def test_going_back_to_the_old_champion_clears_the_problem(
    cache: ModelCache, database: Database, blob_store: BlobStore
) -> None:
    register(database, blob_store)
    cache.refresh()
    old = cache.current.number
    number = promote_another(database)
    with database.read() as session:
        manifest = Manifest.from_json(model_versions.get_version(session, number).manifest)
    blob_store.delete(make_model_key(manifest.files[KERAS_FILE].sha256))
    cache.refresh()
    with database.write() as session:
        model_versions.promote(session, model_versions.get_version(session, old), "test", "back")
    cache.refresh()
    assert (cache.current.number, cache.problem) == (old, None)


def test_a_damaged_copy_on_this_machine_is_fetched_anew(
    cache: ModelCache, database: Database, blob_store: BlobStore, tmp_path: Path
) -> None:
    register(database, blob_store)
    cache.refresh()
    (folder,) = (tmp_path / "cache").iterdir()
    (folder / TFLITE_FILE).write_bytes(b"damaged")
    other = ModelCache(database, blob_store, tmp_path / "cache", "litert")
    assert not other.refresh()
    third = ModelCache(database, blob_store, tmp_path / "cache", "litert")
    assert third.refresh()
    assert hashlib.sha256((folder / TFLITE_FILE).read_bytes()).hexdigest() in str(
        Manifest.read(folder).files[TFLITE_FILE]
    )
    shutil.rmtree(folder)
