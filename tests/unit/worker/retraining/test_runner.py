"""Whole training runs, with TensorFlow and drawn faces. On SQLite alone: what they store is tested elsewhere on both."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from db.core.actors import Actor
from db.core.blobs import BlobStoreUnavailable
from db.core.session import Database
from db.core.vocabulary import Architecture, Emotion, TrainingRunStatus, TrainingTrigger, VoteChoice
from db.model_versions import actions as model_versions
from db.model_versions.files import store_version
from db.model_versions.tables import ModelVersion
from db.reviews.actions import cast_vote
from db.training_runs import lifecycle as runs
from db.training_runs.tables import TrainingRun
from tests.support.drawn_faces import draw_face, write_drawn_csv
from tests.support.factories.actors import ANA, TEST
from tests.support.factories.analyses import Analyses
from training.fit.settings import RECIPES, TrainSettings
from worker.core import stopping
from worker.core.services import Services
from worker.retraining.runner import run_retraining

pytestmark = [
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
    pytest.mark.timeout(300),
    pytest.mark.usefixtures("without_int8"),
]

LEARNING_RATE = 1e-3
RUN_ID = UUID(int=5)


@pytest.fixture(scope="module")
def csv_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # A class of fewer than 20 rows is too small for the gate to judge its recall, which is all chance here.
    return write_drawn_csv(tmp_path_factory.mktemp("drawn") / "faces.csv", training=40, public=19)


@pytest.fixture(scope="module")
def make_version(csv_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A version of the quickest network after so many epochs."""
    from training.pipeline import run_training

    def make(epochs: int) -> Path:
        folder = tmp_path_factory.mktemp(f"epochs-{epochs}")
        recipe = replace(RECIPES[Architecture.TINY], epochs=epochs, learning_rate=LEARNING_RATE)
        settings = TrainSettings(csv_path, "hard", Architecture.TINY, recipe)
        return run_training(settings, folder / "run", cache_dir=folder / "cache")

    return make


@pytest.fixture(scope="module")
def fresh_version(make_version: Any) -> Path:
    return make_version(1)  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def good_version(make_version: Any) -> Path:
    return make_version(14)  # type: ignore[no-any-return]


@pytest.fixture
def ready(services: Services, csv_path: Path) -> Services:
    changes = {"dataset_csv": csv_path, "retrain_learning_rate": LEARNING_RATE, "retrain_epochs": 12}
    services.settings = services.settings.model_copy(update=changes)
    return services


def put_in_service(services: Services, folder: Path) -> int:
    version = store_version(services.database, services.blobs, "test", folder)
    with services.database.write() as session:
        model_versions.promote(session, version, TEST, "for the test")
    return version.number


def champion_number(database: Database) -> int:
    with database.read() as session:
        version = model_versions.get_champion(session)
        assert version is not None
        return version.number


def start(services: Services, **options: Any) -> UUID:
    """Start a run that always has the same id: what it learns hangs on chance, and its id is the seed."""
    with services.database.write() as session:
        run = runs.create_run(session, TrainingTrigger.COMMAND, ANA, **options)
        run.id = RUN_ID
    return RUN_ID


def retrain(services: Services, **options: Any) -> TrainingRun:
    run_id = start(services, **options)
    run_retraining(services, run_id, "test")
    with services.database.read() as session:
        return runs.get_run(session, run_id)


def test_a_better_challenger_is_put_in_service(ready: Services, fresh_version: Path) -> None:
    before = put_in_service(ready, fresh_version)
    run = retrain(ready)
    assert run.status is TrainingRunStatus.PROMOTED, (run.reason, run.error_detail)
    assert champion_number(ready.database) == before + 1
    assert run.gate is not None
    assert all(check["is_passed"] for check in run.gate["decision"]["checks"])
    assert run.gate["challenger"]["accuracy"] > run.gate["champion"]["accuracy"]
    assert run.progress is not None
    assert [point["epoch"] for point in run.progress["curve"]] == list(range(1, 13))
    with ready.database.read() as session:
        challenger = model_versions.get_version(session, before + 1)
    lineage = challenger.manifest["lineage"]
    parent = json.loads((fresh_version / "manifest.json").read_text())["files"]["model.keras"]["sha256"]
    assert (lineage["parent"], lineage["row_counts"]["corrections"]) == (parent, 0)
    assert not (ready.settings.data_dir / "runs" / str(run.id)).exists()


def test_a_flood_of_wrong_corrections_gets_no_worse_model_into_service(
    ready: Services, good_version: Path, analyses: Analyses
) -> None:
    """Most of what the run learns from is wrong here, far beyond the share that the settings allow by default.

    With more epochs than one the run would keep the epoch that does best on held-out rows of the dataset, which the flood can't
    reach; one quick epoch leaves only the gate between the flood and the service.
    """
    before = put_in_service(ready, good_version)
    changes = {"max_correction_share": 0.8, "retrain_epochs": 1, "retrain_learning_rate": 40 * LEARNING_RATE}
    ready.settings = ready.settings.model_copy(update=changes)
    random = np.random.default_rng(5)
    for number in range(350):
        crop = draw_face(number % 7, random, offset_px=6 + number % 3)
        stored = analyses.store((Emotion.HAPPY, 0.6), crop=crop.tobytes())
        with ready.database.write() as session:
            cast_vote(session, stored.face_ids[0], f"vandal-{number % 9}", list(VoteChoice)[(number * 3 + 1) % 7])
    put_in_service(ready, good_version)
    run = retrain(ready)
    assert run.status is TrainingRunStatus.REJECTED, (run.reason, run.error_detail)
    assert run.audit is not None
    assert run.audit["corrections"]["used"] > 200
    assert run.gate is not None
    assert run.gate["challenger"]["accuracy"] < run.gate["champion"]["accuracy"] - 0.1
    assert champion_number(ready.database) == before
    with ready.database.read() as session:
        assert run.challenger_id is not None
        assert len(model_versions.list_versions(session)) == 3
        challenger = session.get_one(ModelVersion, run.challenger_id)
    assert challenger.manifest["lineage"]["row_counts"]["corrections"] == run.audit["corrections"]["used"]


@pytest.mark.parametrize(("during", "epochs"), [("take_snapshot", 1000), ("compare_versions", 1)])
def test_a_canceled_run_stops_and_leaves_nothing(
    ready: Services, fresh_version: Path, during: str, epochs: int
) -> None:
    put_in_service(ready, fresh_version)
    run_id = start(ready, from_scratch=True, epochs=epochs)

    from worker.retraining import runner as module

    original = getattr(module, during)

    def work_and_cancel(*given: Any, **named: Any) -> Any:
        done = original(*given, **named)
        with ready.database.write() as session:
            runs.cancel_run(session, run_id, Actor.user("ben"))
        return done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, during, work_and_cancel)
        run_retraining(ready, run_id, "test")
    with ready.database.read() as session:
        run = runs.get_run(session, run_id)
        assert (run.status, run.reason) == (TrainingRunStatus.CANCELED, "canceled by ben")
        assert len(model_versions.list_versions(session)) == 1
    assert not (ready.settings.data_dir / "runs" / str(run_id)).exists()


def test_a_worker_that_is_to_stop_gives_its_run_back(ready: Services, fresh_version: Path) -> None:
    put_in_service(ready, fresh_version)
    run_id = start(ready, from_scratch=True, epochs=1000)
    stopping._told.set()
    try:
        run_retraining(ready, run_id, "test")
    finally:
        stopping._told.clear()
    with ready.database.read() as session:
        run = runs.get_run(session, run_id)
        assert (run.status, run.sent_at, run.worker) == (TrainingRunStatus.QUEUED, None, None)
    assert (ready.settings.data_dir / "runs" / str(run_id)).exists()


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (BlobStoreUnavailable("can't store models/x: no answer"), "blob_store_unavailable"),
        (OperationalError("INSERT", {}, Exception("the server closed the connection")), "database_unavailable"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_store_or_database_that_was_away_costs_no_training(
    ready: Services, fresh_version: Path, failure: Exception, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from worker.retraining import runner as module

    put_in_service(ready, fresh_version)
    run_id = start(ready, epochs=1)

    def fail(*_: object, **__: object) -> None:
        raise failure

    with monkeypatch.context() as patch, capture_logs() as lines:
        patch.setattr(module, "store_version", fail)
        run_retraining(ready, run_id, "test")
    assert [line["code"] for line in lines if line["event"] == "run_interrupted"] == [code]
    with ready.database.read() as session:
        assert runs.get_run(session, run_id).status is TrainingRunStatus.QUEUED
    (weights,) = (ready.settings.data_dir / "runs" / str(run_id)).glob("weights-*/best-1.npz")
    written = weights.stat().st_mtime_ns
    was_written: list[int] = []
    compare = vars(module)["compare_versions"]

    def compare_and_note(*given: Any, **named: Any) -> Any:
        was_written.append(weights.stat().st_mtime_ns)
        return compare(*given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(module, "compare_versions", compare_and_note)
        run_retraining(ready, run_id, "test")
    assert was_written == [written]
    with ready.database.read() as session:
        run = runs.get_run(session, run_id)
    assert run.status in {TrainingRunStatus.PROMOTED, TrainingRunStatus.REJECTED}
    assert run.attempt == 2


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"dataset_csv": None}, "retraining_impossible"),
        ({"dataset_csv": Path("/nowhere/faces.csv")}, "dataset_invalid"),
    ],
)
def test_a_run_that_cannot_begin_says_why(
    ready: Services, fresh_version: Path, changes: dict[str, object], code: str
) -> None:
    put_in_service(ready, fresh_version)
    ready.settings = ready.settings.model_copy(update=changes)
    run = retrain(ready)
    assert (run.status, run.error_code) == (TrainingRunStatus.FAILED, code)
    assert run.error_detail


def test_a_run_that_diverges_fails_with_its_code(ready: Services, fresh_version: Path) -> None:
    before = put_in_service(ready, fresh_version)
    ready.settings = ready.settings.model_copy(update={"retrain_learning_rate": 1e38})
    run = retrain(ready)
    assert (run.status, run.error_code) == (TrainingRunStatus.FAILED, "training_diverged")
    assert champion_number(ready.database) == before


def test_a_dataset_without_held_out_rows_is_refused_at_once(
    ready: Services, fresh_version: Path, tmp_path: Path
) -> None:
    put_in_service(ready, fresh_version)
    path = write_drawn_csv(tmp_path / "x.csv", training=3, public=0)
    ready.settings = ready.settings.model_copy(update={"dataset_csv": path})
    run = retrain(ready)
    assert (run.status, run.error_code) == (TrainingRunStatus.FAILED, "dataset_invalid")


def test_without_a_champion_there_is_nothing_to_compare_with(ready: Services) -> None:
    run = retrain(ready)
    assert (run.status, run.error_code) == (TrainingRunStatus.FAILED, "retraining_impossible")


def test_a_damaged_champion_fails_the_run_with_its_code(ready: Services, fresh_version: Path) -> None:
    put_in_service(ready, fresh_version)
    sha256 = json.loads((fresh_version / "manifest.json").read_text())["files"]["model.keras"]["sha256"]
    ready.blobs.put(f"models/{sha256}", b"not a model")
    run = retrain(ready)
    assert (run.status, run.error_code) == (TrainingRunStatus.FAILED, "blob_damaged")


def test_a_message_that_came_twice_starts_nothing(ready: Services) -> None:
    run = retrain(ready)
    run_retraining(ready, run.id, "test")
    with ready.database.read() as session:
        assert runs.get_run(session, run.id).attempt == 1
