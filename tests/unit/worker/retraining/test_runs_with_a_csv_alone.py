"""Runs with a CSV alone, as a new installation has it: the shipped version that was trained on votes is in service.

With TensorFlow and drawn faces, on SQLite alone. `make test-schedule` does the same with real processes.
"""

from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from db.core.types import utcnow
from db.core.vocabulary import Emotion, TrainingRunStatus, TrainingTrigger, VoteChoice
from db.model_versions import actions as model_versions
from db.model_versions.files import store_version
from db.model_versions.tables import ModelVersion
from db.reviews.actions import cast_vote
from db.training_runs import lifecycle as runs
from db.training_runs.actions import start_run
from db.training_runs.corrections import count_corrections
from db.training_runs.plan import DatasetFiles
from db.training_runs.tables import TrainingRun
from tests.support.drawn_faces import draw_face, write_drawn_csv
from tests.support.factories.actors import ANA, TEST
from tests.support.factories.analyses import Analyses
from training.data import dataset as dataset_module
from training.export.artifact import list_pretrained
from worker.core.services import Services
from worker.retraining import schedule
from worker.retraining.runner import run_retraining

pytestmark = [
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
    pytest.mark.timeout(600),
    pytest.mark.usefixtures("without_int8"),
]


@pytest.fixture(scope="module")
def csv_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_drawn_csv(tmp_path_factory.mktemp("drawn") / "faces.csv", training=20, public=4)


@pytest.fixture
def ready(services: Services, csv_path: Path) -> Services:
    """The shipped versions are stored, the first of them in service, and nothing but a CSV is configured."""
    for folder in list_pretrained().values():
        version = store_version(services.database, services.blobs, folder.name, folder)
        with services.database.write() as session:
            if model_versions.get_champion(session) is None:
                model_versions.promote(session, version, TEST, "as shipped")
    changes = {"dataset_csv": csv_path, "retrain_epochs": 1, "retrain_schedule": "* * * * *"}
    services.settings = services.settings.model_copy(update=changes)
    return services


def start_by_schedule(services: Services, monkeypatch: pytest.MonkeyPatch) -> TrainingRun:
    """Let the schedule's moment come."""
    now = utcnow()
    with monkeypatch.context() as patch:
        patch.setattr(schedule, "utcnow", lambda: now)
        patch.setattr(schedule, "send_run", lambda _: None)
        schedule.start_scheduled_run(services)
    return _work(services)


def start_by(services: Services, trigger: TrainingTrigger) -> TrainingRun:
    start_run(services.database, lambda _: None, DatasetFiles(has_csv=True, has_votes=False), trigger, ANA)
    return _work(services)


def _work(services: Services) -> TrainingRun:
    with services.database.read() as session:
        active = runs.get_active_run(session)
    assert active is not None
    run_retraining(services, active.id, "test")
    with services.database.read() as session:
        run = runs.get_run(session, active.id)
        assert run.champion is not None
        assert run.champion.name == "default"
        return run


def test_a_run_with_a_csv_alone_reads_it_once_and_ends_with_a_decision(
    ready: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Any] = []
    parse = vars(dataset_module)["read_file"]

    def read_and_note(path: Path) -> Any:
        reads.append(path)
        return parse(path)

    monkeypatch.setattr(dataset_module, "read_file", read_and_note)

    run = start_by_schedule(ready, monkeypatch)
    assert run.status is TrainingRunStatus.REJECTED, (run.reason, run.error_detail)
    assert len(reads) == 1
    assert run.audit is not None
    assert run.audit["corrections"] == {}
    _expect_comparison(run)


@pytest.mark.long  # tests of the snapshot and of the runner look at it with the smallest network
def test_a_run_with_a_csv_alone_takes_up_corrections(ready: Services, analyses: Analyses) -> None:
    crop = draw_face(3, np.random.default_rng(99), offset_px=9).tobytes()
    face_id = analyses.store((Emotion.HAPPY, 0.6), crop=crop).face_ids[0]
    with ready.database.write() as session:
        cast_vote(session, face_id, "ana", VoteChoice.SAD)
    run = start_by(ready, TrainingTrigger.PAGE)
    assert run.status is TrainingRunStatus.REJECTED, (run.reason, run.error_detail)
    _expect_comparison(run)
    with ready.database.read() as session:
        assert count_corrections(session, run.id) == {"used": 1}
        assert run.challenger_id is not None
        challenger = session.get_one(ModelVersion, run.challenger_id)
    assert challenger.manifest["lineage"]["row_counts"]["corrections"] == 1


def test_every_trigger_starts_the_same_run(ready: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[UUID] = []
    monkeypatch.setattr(schedule, "send_run", sent.append)
    schedule.start_scheduled_run(ready)
    plans = []
    for trigger in (None, TrainingTrigger.COMMAND, TrainingTrigger.API, TrainingTrigger.PAGE):
        if trigger is not None:
            files = DatasetFiles(has_csv=True, has_votes=False)
            plans.append(start_run(ready.database, sent.append, files, trigger, ANA).plan)
        with ready.database.write() as session:
            active = runs.get_active_run(session)
            assert active is not None
            assert active.options == {"from_scratch": False, "epochs": None}
            runs.cancel_run(session, active.id, ANA)
    assert len(sent) == 4
    assert plans[0] == plans[1] == plans[2]


def _expect_comparison(run: TrainingRun) -> None:
    assert run.gate is not None
    assert run.audit is not None
    assert {reference["name"] for reference in run.audit["plan"]["references"]} >= {"default-hard"}
    assert 0 <= run.gate["reference"]["accuracy"] <= 1
    checks = {check["name"]: check for check in run.gate["decision"]["checks"]}
    assert "accuracy_beside_champion" in checks
    assert "accuracy_beside_reference" in checks
    assert checks["reviewed_faces"]["is_passed"] is False
    assert "labelled 0 faces drawn at random" in str(run.reason)
