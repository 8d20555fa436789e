from db.core.actors import Actor
from db.core.session import Database
from db.core.vocabulary import TrainingTrigger
from db.model_versions.tables import ModelVersion
from db.training_runs import lifecycle as training_runs
from db.training_runs.documents import RunAudit, RunProgress
from tests.support.visitors import Visitor


def test_the_list_of_runs_follows_one_while_it_is_active(
    administrator: Visitor, champion: ModelVersion, database: Database
) -> None:
    assert "data-live" not in administrator.get("/training")
    with database.write() as session:
        run = training_runs.create_run(session, TrainingTrigger.COMMAND, Actor.system("cron"))
    assert 'id="runs" data-live="2"' in administrator.get("/training")
    with database.write() as session:
        training_runs.cancel_run(session, run.id, Actor.system("cron"))
    assert "data-live" not in administrator.get("/training")


def test_a_run_shows_how_far_it_is_and_can_be_canceled(
    administrator: Visitor, champion: ModelVersion, database: Database
) -> None:
    with database.write() as session:
        run = training_runs.create_run(session, TrainingTrigger.COMMAND, Actor.system("cron"), epochs=8)
        _, claim = training_runs.claim_run(session, run.id, "trainer:1", lease_s=60)
        curve = [{"epoch": 1, "loss": 1.5, "accuracy": 0.4, "val_loss": 1.6, "val_accuracy": 0.38, "seconds": 3.0}]
        progress = {"step": "training", "epoch": 2, "epochs": 8, "loss": 1.25, "accuracy": 0.5, "curve": curve}
        training_runs.renew_run(session, claim, 60, RunProgress.read(progress | {"seconds_left": 95.0}))
    text = administrator.get(f"/training/{run.id}")
    assert '<progress max="1" value="0.250"' in text
    assert "2 min left" in text
    assert "1.2500" in text
    assert administrator.post(f"/training/{run.id}/cancel")[0] == 303
    assert "Stopping" in administrator.get(f"/training/{run.id}")


def test_a_run_without_a_dataset_is_refused_with_the_reason(administrator: Visitor, champion: ModelVersion) -> None:
    status, text = administrator.post("/training")
    assert status == 409
    assert "EMOSCOPE_DATASET_CSV" in text
    assert "No run can start: no dataset is configured" in administrator.get("/training")


def test_a_run_that_ended_before_it_read_the_corrections_does_not_say_that_there_were_none(
    administrator: Visitor, champion: ModelVersion, database: Database
) -> None:
    with database.write() as session:
        run = training_runs.create_run(session, TrainingTrigger.COMMAND, Actor.system("cron"))
        _, claim = training_runs.claim_run(session, run.id, "trainer:1", lease_s=60)
        training_runs.fail_run(session, claim, "dataset_invalid", "the file is gone")
    text = administrator.get(f"/training/{run.id}")
    assert "There were none" not in text
    assert "Not read: the run ended before that" in text


def test_a_run_that_found_no_corrections_says_so_and_shows_its_plan(
    administrator: Visitor, champion: ModelVersion, database: Database
) -> None:
    plan = {"is_from_scratch": False, "references": [{"number": 2}], "summary": ["It is compared with version 2."]}
    audit = {"corrections": {}, "plan": plan, "warnings": ["no Training row is sad: a model can't learn it"]}
    with database.write() as session:
        run = training_runs.create_run(session, TrainingTrigger.COMMAND, Actor.system("cron"))
        _, claim = training_runs.claim_run(session, run.id, "trainer:1", lease_s=60)
        training_runs.record_snapshot(
            session, claim, dataset_sha256="d", audit=RunAudit.read(audit), champion_id=champion.id
        )
        training_runs.fail_run(session, claim, "training_diverged", "the loss is nan")
    text = administrator.get(f"/training/{run.id}")
    for sentence in (
        "There were none.",
        "It is compared with version 2.",
        "no Training row is sad",
        "the best version on",
    ):
        assert sentence in text
