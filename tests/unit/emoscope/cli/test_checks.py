import errno
import os
import tempfile
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from db.core import migrate
from db.core.actors import Actor
from db.core.blobs import BlobStore
from db.core.queues import LAST_SWEEP_KEY
from db.core.session import Database
from db.core.vocabulary import WorkerState
from db.model_versions import actions as model_versions
from db.monitoring import heartbeats
from emoscope.cli.checks import CheckStatus, Finding, run_checks
from emoscope.settings import Settings
from emoscope.stack.provision import register_shipped_models
from tests.support.factories.model_versions import make_manifest
from tests.support.supervised import make_status, supervised
from worker.core import gpus
from worker.core.services import Services
from worker.housekeeping.sweeper import sweep


def find(settings: Settings) -> dict[str, Finding]:
    return {finding.part: finding for finding in run_checks(settings)}


def test_nothing_is_missing_where_all_is_there(
    settings: Settings, database: Database, blob_store: BlobStore, services: Services
) -> None:
    register_shipped_models(database, blob_store, lambda _step: None)
    with database.write() as session:
        heartbeats.record_heartbeat(session, "here:1", WorkerState.READY)
    sweep(services)
    found = find(settings)
    assert set(found) == {"packages", "disk", "database", "model", "queue", "housekeeping", "blobs", "workers"}
    assert {part for part, finding in found.items() if finding.status is not CheckStatus.OK} <= {"disk"}


def test_each_missing_part_is_found_with_what_to_do(tmp_path: Path) -> None:
    settings = Settings(
        _env_file=None,
        data_dir=tmp_path,
        database_url=f"sqlite:///{tmp_path}/no/such/folder.db",
        redis_url="redis://127.0.0.1:9/0",
        detector="yunet",
    )
    found = find(settings)
    for part in ("packages", "database", "queue", "workers"):
        assert found[part].status is CheckStatus.MISSING, part
    assert all(found[part].advice for part in ("packages", "database", "queue"))


def test_a_card_that_could_be_used_and_is_not_is_noted(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(gpus, "NVIDIA_DEVICE", tmp_path / "nvidiactl")
    monkeypatch.setattr(gpus, "CUDNN", "libno-such-one.so.9")
    monkeypatch.setattr(gpus, "CUDNN_PACKAGE", "no_such_package")
    assert "gpu" not in find(settings)
    (tmp_path / "nvidiactl").touch()
    noted = find(settings)["gpu"]
    assert (noted.status, "emoscope[gpu]" in noted.advice) == (CheckStatus.NOTE, True)
    assert "gpu" not in find(settings.model_copy(update={"runtime": "litert"}))
    monkeypatch.setattr(gpus, "CUDNN", "libc.so.6")  # any that loads
    assert find(settings)["gpu"].status is CheckStatus.OK


def test_a_worker_that_could_not_get_ready_is_shown_with_its_reason(settings: Settings, database: Database) -> None:
    with database.write() as session:
        heartbeats.record_heartbeat(session, "here:1", WorkerState.SETUP_FAILED, detail="no weights")
    found = find(settings)
    assert found["workers"].status is CheckStatus.MISSING
    assert "no weights" in found["workers"].detail


def test_a_queue_that_evicts_is_noted(settings: Settings, valkey: object) -> None:
    with valkey.client() as client:  # type: ignore[attr-defined]
        client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            finding = find(settings)["queue"]
        finally:
            client.config_set("maxmemory-policy", "noeviction")
    assert finding.status is CheckStatus.NOTE
    assert "noeviction" in finding.advice


def test_a_release_that_waits_beside_the_champion_is_noted(
    settings: Settings, database: Database, blob_store: BlobStore
) -> None:
    with database.write() as session:
        manifest = make_manifest("default")
        before = model_versions.add_version(session, "default", "an earlier release", manifest)
        model_versions.promote(session, before, Actor.system("emoscope"), "the version that comes with this release")
    register_shipped_models(database, blob_store, lambda _step: None)
    found = find(settings)["model"]
    assert found.status is CheckStatus.NOTE
    assert "version 1 (default) is in service" in found.detail
    assert "models promote 2" in found.advice


def test_a_sweeper_that_stands_still_is_missing(settings: Settings, services: Services) -> None:
    assert find(settings)["housekeeping"].status is CheckStatus.NOTE  # it may just have been started
    sweep(services)
    assert find(settings)["housekeeping"].status is CheckStatus.OK
    services.redis.set(LAST_SWEEP_KEY, time.time() - 1000)
    finding = find(settings)["housekeeping"]
    assert finding.status is CheckStatus.MISSING
    assert "for 1000 s" in finding.detail
    assert finding.advice


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"dataset_csv": Path("faces.csv")}, CheckStatus.NOTE, "can't replace version 1 (default) yet"),
        ({"dataset_csv": Path("faces.csv"), "dataset_votes": Path("votes.csv")}, CheckStatus.OK, "the file of votes"),
        ({}, None, ""),
    ],
)
def test_what_the_next_training_run_does_is_told(
    settings: Settings,
    database: Database,
    blob_store: BlobStore,
    changes: dict[str, Path],
    status: CheckStatus | None,
    words: str,
) -> None:
    register_shipped_models(database, blob_store, lambda _step: None)
    finding = find(settings.model_copy(update=changes)).get("retraining")
    assert (finding.status if finding else None) is status
    assert words in (finding.detail if finding else "")


def test_a_process_that_keeps_failing_is_named_with_its_log(settings: Settings) -> None:
    with supervised(settings, make_status("api"), make_status("beat", failures=3)):
        finding = find(settings)["processes"]
    assert (finding.status, finding.detail.startswith("the beat keeps failing")) == (CheckStatus.MISSING, True)
    assert str(settings.data_dir / "logs" / "beat.log") in finding.advice
    with supervised(settings, make_status("api"), make_status("beat")):
        finding = find(settings)["processes"]
    assert (finding.status, finding.detail) == (CheckStatus.OK, "`emoscope up` runs api, beat")


@pytest.fixture
def sqlite_settings(tmp_path: Path) -> Settings:
    settings = Settings(_env_file=None, data_dir=tmp_path, redis_url="redis://127.0.0.1:9/0")
    database = Database(settings.effective_database_url)
    migrate.upgrade(database)
    database.close()
    return settings


def test_a_damaged_database_is_named(sqlite_settings: Settings) -> None:
    path = sqlite_settings.data_dir / "emoscope.db"
    content = bytearray(path.read_bytes())
    content[20_000:60_000] = b"\xff" * 40_000
    path.write_bytes(content)
    finding = find(sqlite_settings)["database"]
    assert (finding.status, "backup" in finding.advice) == (CheckStatus.MISSING, True), finding


def test_a_file_that_is_no_database_is_named(sqlite_settings: Settings) -> None:
    (sqlite_settings.data_dir / "emoscope.db").write_bytes(b"no database at all " * 1000)
    finding = find(sqlite_settings)["database"]
    assert (finding.status, "backup" in finding.advice) == (CheckStatus.MISSING, True), finding


def test_a_schema_of_a_newer_release_is_named(sqlite_settings: Settings) -> None:
    database = Database(sqlite_settings.effective_database_url)
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        session.execute(text("UPDATE schema_compatibility SET oldest_revision = '9999'"))
    database.close()
    finding = find(sqlite_settings)["database"]
    assert (finding.status, "its schema (9999) is from a newer release" in finding.detail) == (
        CheckStatus.MISSING,
        True,
    )
    assert "install that release" in finding.advice


def test_a_folder_that_cannot_be_written_is_named(sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The superuser, as whom tests may run, may write everywhere: so the system's own answer is put in its place."""

    def refuse(**_options: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    finding = find(sqlite_settings)["disk"]
    assert (finding.status, "Read-only file system" in finding.detail) == (CheckStatus.MISSING, True)
