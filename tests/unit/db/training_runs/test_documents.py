import math

from db.core.session import Database
from db.training_runs import lifecycle as runs
from db.training_runs.documents import CurvePoint, RunProgress
from tests.support.factories.training_runs import LEASE_S, claim, read, start


def test_figures_that_are_no_finite_numbers_are_stored_as_unknown(database: Database) -> None:
    run_id = start(database)
    held = claim(database, run_id)
    curve = [CurvePoint(epoch=1, loss=0.5), CurvePoint(epoch=2, loss=math.inf)]
    progress = RunProgress(epoch=3, loss=math.nan, curve=curve)
    with database.write() as session:
        assert runs.renew_run(session, held, LEASE_S, progress).is_held
    stored = read(database, run_id).progress
    assert stored is not None
    assert (stored["epoch"], stored["loss"]) == (3, None)
    assert [point["loss"] for point in stored["curve"]] == [0.5, None]
