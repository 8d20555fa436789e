"""Training runs under random sequences of all that may happen to them, on both databases.

Messages come late, workers fall silent and come back, people cancel runs and change the champion meanwhile. At most one run waits
or runs at a time, each ends exactly once, and one that was asked to stop is never promoted.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule
from sqlalchemy import func, select

from db.accounts.tables import AuditEvent
from db.core.actors import Actor
from db.core.session import Database
from db.core.vocabulary import TrainingRunStatus, TrainingTrigger
from db.model_versions import actions as model_versions
from db.model_versions.tables import Promotion
from db.training_runs import lifecycle, sweeping
from db.training_runs.documents import GateDecision, GateReport, RunAudit
from db.training_runs.lifecycle import MAX_ATTEMPTS, TrainingRunActive
from db.training_runs.states import ACTIVE_STATUSES, InvalidRunTransition, RunClaim, name_run
from db.training_runs.tables import TrainingRun
from tests.stateful.machines import TIMEOUT_S, refused_unless, run_machine
from tests.support.databases import empty_tables
from tests.support.factories.actors import ANA
from tests.support.factories.model_versions import make_manifest

LEASE_S = 3600
"""Longer than a sequence takes on a busy machine."""
SWEEPER = Actor.system("sweeper")


@dataclass
class ModelRun:
    """What the run must be."""

    status: TrainingRunStatus = TrainingRunStatus.QUEUED
    attempt: int = 0
    max_attempts: int = MAX_ATTEMPTS
    is_canceling: bool = False
    is_expired: bool = False
    champion: str | None = None
    """The version that it is compared with."""

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE_STATUSES


class RunMachine(RuleBasedStateMachine):
    """The rules are what people, the schedule, workers and the sweeper may do at any moment."""

    runs = Bundle("runs")
    claims = Bundle("claims")

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database
        empty_tables(database)
        self.model: dict[UUID, ModelRun] = {}
        self.versions = 0
        self.champion = self.add_version()
        self.promotions = 1
        with database.write() as session:
            version = model_versions.find_version_by_digest(session, self.champion)
            assert version is not None
            model_versions.promote(session, version, ANA, "the first")

    def add_version(self) -> str:
        self.versions += 1
        digest = f"{self.versions:064}"
        with self.database.write() as session:
            model_versions.add_version(session, digest, digest, make_manifest())
        return digest

    @rule(target=runs)
    def start(self) -> Any:
        can = not any(run.is_active for run in self.model.values())
        with refused_unless(can, TrainingRunActive):
            with self.database.write() as session:
                run_id = lifecycle.create_run(session, TrainingTrigger.COMMAND, ANA).id
            self.model[run_id] = ModelRun()
            return run_id
        return multiple()

    @rule(run_id=runs)
    def cancel(self, run_id: UUID) -> None:
        run = self.model[run_id]
        with refused_unless(run.is_active, InvalidRunTransition):
            with self.database.write() as session:
                lifecycle.cancel_run(session, run_id, ANA)
            if run.status is TrainingRunStatus.QUEUED:
                run.status = TrainingRunStatus.CANCELED
            else:
                run.is_canceling = True

    @rule()
    def change_champion(self) -> None:
        """A person puts another version in service while a run goes on."""
        self.champion = self.add_version()
        self.promotions += 1
        with self.database.write() as session:
            version = model_versions.find_version_by_digest(session, self.champion)
            assert version is not None
            model_versions.promote(session, version, ANA, "better")

    @rule(target=claims, run_id=runs, lease_s=st.sampled_from((LEASE_S, LEASE_S, -1)))
    def take_message(self, run_id: UUID, lease_s: float) -> Any:
        run = self.model[run_id]
        with refused_unless(run.status is TrainingRunStatus.QUEUED, InvalidRunTransition):
            with self.database.write() as session:
                _, claim = lifecycle.claim_run(session, run_id, "w", lease_s)
            run.status, run.attempt, run.is_expired = TrainingRunStatus.RUNNING, run.attempt + 1, lease_s < 0
            assert claim.attempt == run.attempt
            return claim
        return multiple()

    def holds(self, claim: RunClaim) -> bool:
        run = self.model[claim.run_id]
        return run.status is TrainingRunStatus.RUNNING and run.attempt == claim.attempt

    @rule(claim=claims)
    def renew(self, claim: RunClaim) -> None:
        run = self.model[claim.run_id]
        with self.database.write() as session:
            pulse = lifecycle.renew_run(session, claim, LEASE_S)
        assert pulse.is_held == self.holds(claim)
        assert (pulse.canceled_by == ANA) == run.is_canceling
        if pulse.is_held:
            run.is_expired = False

    @rule(claim=claims)
    def snapshot(self, claim: RunClaim) -> None:
        with refused_unless(self.holds(claim), InvalidRunTransition):
            with self.database.write() as session:
                champion = model_versions.get_champion(session)
                assert champion is not None
                lifecycle.record_snapshot(
                    session, claim, dataset_sha256="d", audit=RunAudit.read({}), champion_id=champion.id
                )
            self.model[claim.run_id].champion = self.champion

    @rule(claim=claims, is_better=st.booleans())
    def decide(self, claim: RunClaim, *, is_better: bool) -> None:
        run, digest = self.model[claim.run_id], self.add_version()
        gate = GateReport(decision=GateDecision(is_promoted=is_better, reason="because"))
        with refused_unless(self.holds(claim), InvalidRunTransition):
            with self.database.write() as session:
                challenger = model_versions.find_version_by_digest(session, digest)
                assert challenger is not None
                lifecycle.decide_run(session, claim, challenger, is_promoted=is_better, reason="because", gate=gate)
            if run.is_canceling:
                run.status = TrainingRunStatus.CANCELED
            elif is_better and run.champion == self.champion:
                run.status, self.champion = TrainingRunStatus.PROMOTED, digest
                self.promotions += 1
            else:
                run.status = TrainingRunStatus.REJECTED

    @rule(claim=claims)
    def fail(self, claim: RunClaim) -> None:
        with refused_unless(self.holds(claim), InvalidRunTransition):
            with self.database.write() as session:
                lifecycle.fail_run(session, claim, "dataset_missing", "it is missing")
            self.model[claim.run_id].status = TrainingRunStatus.FAILED

    @rule(claim=claims)
    def stop_as_asked(self, claim: RunClaim) -> None:
        if self.model[claim.run_id].is_canceling:
            with refused_unless(self.holds(claim), InvalidRunTransition):
                with self.database.write() as session:
                    lifecycle.finish_cancel(session, claim, ANA)
                self.model[claim.run_id].status = TrainingRunStatus.CANCELED

    @rule(claim=claims)
    def lack_a_service(self, claim: RunClaim) -> None:
        with refused_unless(self.holds(claim), InvalidRunTransition):
            with self.database.write() as session:
                sweeping.retry_run(session, claim, Actor.worker("w"), "blob_store_unavailable", "away")
            self.lose_attempt(self.model[claim.run_id])

    @rule(claim=claims)
    def leave_in_order(self, claim: RunClaim) -> None:
        run = self.model[claim.run_id]
        with refused_unless(self.holds(claim), InvalidRunTransition):
            with self.database.write() as session:
                sweeping.give_back_run(session, claim, Actor.worker("w"))
            run.status, run.max_attempts = TrainingRunStatus.QUEUED, run.max_attempts + 1

    @rule(run_id=runs)
    def fall_silent(self, run_id: UUID) -> None:
        run = self.model[run_id]
        with self.database.write() as session:
            is_running = sweeping.expire_run_lease(session, run_id, lambda _worker: True)
        assert is_running == (run.status is TrainingRunStatus.RUNNING)
        run.is_expired = run.is_expired or is_running

    @rule()
    def sweep(self) -> None:
        with self.database.read() as session:
            claims = sweeping.list_expired_runs(session)
        expired = {key for key, run in self.model.items() if run.status is TrainingRunStatus.RUNNING and run.is_expired}
        assert {claim.run_id for claim in claims} == expired
        for claim in claims:
            with self.database.write() as session:
                sweeping.take_back_run(session, claim, SWEEPER)
            self.lose_attempt(self.model[claim.run_id])

    @rule(claim=claims)
    def sweep_late(self, claim: RunClaim) -> None:
        """A sweep that listed the claim long ago."""
        run = self.model[claim.run_id]
        with refused_unless(self.holds(claim) and run.is_expired, InvalidRunTransition):
            with self.database.write() as session:
                sweeping.take_back_run(session, claim, SWEEPER)
            self.lose_attempt(run)

    @staticmethod
    def lose_attempt(run: ModelRun) -> None:
        if run.is_canceling:
            run.status = TrainingRunStatus.CANCELED
        elif run.attempt >= run.max_attempts:
            run.status = TrainingRunStatus.FAILED
        else:
            run.status = TrainingRunStatus.QUEUED

    @invariant()
    def every_run_is_what_its_moves_made_of_it(self) -> None:
        with self.database.read() as session:
            runs = {run.id: run for run in session.scalars(select(TrainingRun))}
            moves = session.execute(
                select(AuditEvent.subject, AuditEvent.action).where(AuditEvent.subject.startswith("training_run:"))
            ).all()
            champion = model_versions.get_champion(session)
            promotions = session.scalar(select(func.count()).select_from(Promotion))
        assert champion is not None
        assert (champion.digest, promotions) == (self.champion, self.promotions)
        assert runs.keys() == self.model.keys()
        assert sum(run.lane is not None for run in runs.values()) <= 1
        for run_id, wanted in self.model.items():
            run = runs[run_id]
            assert (run.status, run.attempt, run.max_attempts) == (wanted.status, wanted.attempt, wanted.max_attempts)
            assert (run.lane is not None, run.finished_at is None) == (wanted.is_active, wanted.is_active)
            assert (run.lease_expires_at is not None) == (run.status is TrainingRunStatus.RUNNING)
            ends = [action for subject, action in moves if subject == name_run(run_id) and is_end(action)]
            assert ends == ([] if wanted.is_active else [f"training_run.{wanted.status}"])

    def teardown(self) -> None:
        """Once workers are there, the run that waits or runs comes to its end."""
        for run_id in [key for key, run in self.model.items() if run.is_active]:
            self.fall_silent(run_id)
            self.sweep()
            claim = self.take_message(run_id, LEASE_S) if self.model[run_id].is_active else None
            if isinstance(claim, RunClaim):
                self.fail(claim)
        assert not any(run.is_active for run in self.model.values())
        self.every_run_is_what_its_moves_made_of_it()


def is_end(action: str) -> bool:
    """Whether an entry of the audit log tells of a run's end; `training_run.cancel` is the wish alone."""
    status = action.removeprefix("training_run.")
    return status in {*TrainingRunStatus} and TrainingRunStatus(status) not in ACTIVE_STATUSES


@pytest.mark.timeout(TIMEOUT_S)
def test_a_training_run_ends_exactly_once_whatever_happens(database: Database) -> None:
    run_machine(lambda: RunMachine(database))
