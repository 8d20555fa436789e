from typing import Any

import pytest

from db.core.session import Database
from db.core.vocabulary import TrainingTrigger
from db.training_runs import lifecycle as runs
from db.training_runs.documents import CurvePoint, RunProgress
from db.training_runs.states import RunClaim
from tests.support.factories.actors import ANA
from worker.retraining.run_heartbeat import RunPulse


def point(epoch: int, loss: float = 0.5) -> dict[str, Any]:
    return {"epoch": epoch, "loss": loss, "accuracy": 0.5, "val_loss": 0.5, "val_accuracy": 0.5, "seconds": 1.0}


EARLIER = [point(epoch) for epoch in range(1, 6)]


@pytest.fixture
def claim(database: Database) -> RunClaim:
    with database.write() as session:
        run_id = runs.create_run(session, TrainingTrigger.COMMAND, ANA).id
        return runs.claim_run(session, run_id, "w", 60)[1]


def read_curve(database: Database, claim: RunClaim) -> list[dict[str, Any]]:
    with database.read() as session:
        progress = runs.get_run(session, claim.run_id).progress
    assert progress is not None
    return progress["curve"]  # type: ignore[no-any-return]


def report(pulse: RunPulse, epoch: int, finished: dict[str, Any] | None) -> None:
    now = RunProgress(epoch=epoch, epochs=9, loss=0.5, accuracy=0.5, seconds_left=1.0)
    pulse.report_epoch(now, None if finished is None else CurvePoint.read(finished))


def test_the_curve_of_a_run_that_goes_on_goes_on(database: Database, claim: RunClaim) -> None:
    pulse = RunPulse(database, claim, RunProgress.read({"curve": EARLIER}))
    report(pulse, 6, EARLIER[-1])
    report(pulse, 6, point(6))
    assert read_curve(database, claim) == [*EARLIER, point(6)]


def test_the_curve_of_a_run_that_begins_anew_begins_anew(database: Database, claim: RunClaim) -> None:
    pulse = RunPulse(database, claim, RunProgress.read({"curve": EARLIER}))
    report(pulse, 1, None)
    assert read_curve(database, claim) == []
    report(pulse, 1, point(1, loss=0.9))
    report(pulse, 2, point(2, loss=0.8))
    assert read_curve(database, claim) == [point(1, loss=0.9), point(2, loss=0.8)]


def test_a_run_that_goes_on_from_an_earlier_epoch_repeats_none(database: Database, claim: RunClaim) -> None:
    pulse = RunPulse(database, claim, RunProgress.read({"curve": EARLIER}))
    report(pulse, 3, point(3, loss=0.7))
    assert read_curve(database, claim) == [*EARLIER[:2], point(3, loss=0.7)]
