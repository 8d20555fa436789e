"""Training runs in the database, without training."""

from datetime import UTC, datetime
from uuid import UUID

from db.core.session import Database
from db.core.vocabulary import TrainingTrigger
from db.model_versions import actions as model_versions
from db.model_versions.tables import ModelVersion
from db.training_runs import lifecycle as runs
from db.training_runs.documents import GateDecision, GateReport, RunAudit
from db.training_runs.states import RunClaim
from db.training_runs.tables import TrainingRun
from tests.support.factories.actors import ANA

LEASE_S = 30


GATE = GateReport(decision=GateDecision(is_promoted=False, reason="because"))


SLOT = datetime(2026, 11, 22, 3, tzinfo=UTC)


def start(database: Database, **options: object) -> UUID:
    with database.write() as session:
        return runs.create_run(session, TrainingTrigger.COMMAND, ANA, **options).id  # type: ignore[arg-type]


def claim(database: Database, run_id: UUID, lease_s: float = LEASE_S) -> RunClaim:
    with database.write() as session:
        return runs.claim_run(session, run_id, "w1", lease_s)[1]


def read(database: Database, run_id: UUID) -> TrainingRun:
    with database.read() as session:
        return runs.get_run(session, run_id)


def decide(database: Database, held: RunClaim, challenger: ModelVersion, *, is_promoted: bool) -> TrainingRun:
    with database.write() as session:
        return runs.decide_run(session, held, challenger, is_promoted=is_promoted, reason="because", gate=GATE)


def snapshot(database: Database, held: RunClaim, champion: ModelVersion) -> None:
    with database.write() as session:
        runs.record_snapshot(
            session, held, dataset_sha256="d", audit=RunAudit.read({"rows": 1}), champion_id=champion.id
        )


def champion(database: Database) -> str:
    with database.read() as session:
        found = model_versions.get_champion(session)
        assert found is not None
        return found.name
