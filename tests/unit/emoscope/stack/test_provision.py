from pathlib import Path

from db.accounts import api_keys
from db.core.actors import Actor
from db.core.blobs import BlobStore, make_model_key
from db.core.session import Database
from db.core.vocabulary import PRETRAINED_CHAMPION
from db.model_versions import actions as model_versions
from emoscope.settings import Settings
from emoscope.stack.provision import LOCAL_APPLICATION, provision, register_shipped_models
from emoscope_client.address import Address, write_local_address
from training.export.artifact import list_pretrained, parse_manifest, read_manifest


def test_every_shipped_model_is_registered_once_and_the_best_put_in_service(
    database: Database, blob_store: BlobStore
) -> None:
    for _ in range(2):
        register_shipped_models(database, blob_store, lambda _step: None)
    with database.read() as session:
        versions = model_versions.list_versions(session)
        champion = model_versions.get_champion(session)
        assert len(model_versions.list_promotions(session)) == 1
    assert {version.name for version in versions} == set(list_pretrained())
    assert champion is not None
    assert champion.name == PRETRAINED_CHAMPION
    for version in versions:
        for record in parse_manifest(version.manifest).files.values():
            assert blob_store.get(make_model_key(record.sha256), record.sha256)


def test_a_choice_that_people_made_is_left_alone(database: Database, blob_store: BlobStore) -> None:
    register_shipped_models(database, blob_store, lambda _step: None)
    with database.write() as session:
        other = next(v for v in model_versions.list_versions(session) if v.name != PRETRAINED_CHAMPION)
        model_versions.promote(session, other, Actor.user("someone"), "likes it better")
    register_shipped_models(database, blob_store, lambda _step: None)
    with database.read() as session:
        champion = model_versions.get_champion(session)
    assert champion is not None
    assert champion.id == other.id


def test_a_new_database_gets_a_schema_models_and_a_key(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path)
    key = provision(settings, lambda _step: None)
    database = Database(settings.effective_database_url)
    with database.read() as session:
        found = api_keys.find_key(session, key)
        assert found is not None
        assert found.application.name == LOCAL_APPLICATION
        assert key.encode() not in found.key_hash
    database.close()


def test_the_local_key_is_kept_from_start_to_start_unless_revoked(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path)
    key = provision(settings, lambda _step: None)
    write_local_address(tmp_path, Address("http://127.0.0.1:1", key))
    assert provision(settings, lambda _step: None) == key
    database = Database(settings.effective_database_url)
    with database.write() as session:
        api_keys.revoke_key(session, key[:12])
    database.close()
    assert provision(settings, lambda _step: None) != key


def test_a_newer_release_is_stored_beside_the_champion_and_said_at_each_start(
    database: Database, blob_store: BlobStore
) -> None:
    with database.write() as session:
        manifest = read_manifest(list_pretrained()[PRETRAINED_CHAMPION]).to_json()
        before = model_versions.add_version(session, PRETRAINED_CHAMPION, "an earlier release", manifest)
        model_versions.promote(session, before, Actor.system("emoscope"), "the version that comes with this release")
    for _ in range(2):
        said: list[str] = []
        register_shipped_models(database, blob_store, said.append)
        assert "version 1 stays in service; version 2 came with a newer release" in said[-1]
        assert "models promote 2" in said[-1]
    with database.read() as session:
        champion = model_versions.get_champion(session)
    assert champion is not None
    assert champion.id == before.id
