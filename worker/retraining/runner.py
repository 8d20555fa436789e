"""Runs one training run: snapshot, train, compare with the champion, decide, record.

TensorFlow is imported when training starts, in a process that ends with the run. The run's folder contains weights and settings,
never faces, so that the run can be resumed after a kill. It is deleted when the run has ended; if the run ended elsewhere, when
the next one is claimed.
"""

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from billiard.exceptions import SoftTimeLimitExceeded
from sqlalchemy.exc import OperationalError

from db.core.actors import Actor
from db.core.blobs import BlobDamaged, BlobMissing, BlobStoreUnavailable
from db.core.vocabulary import TrainingRunStatus
from db.model_versions.actions import get_version
from db.model_versions.files import fetch_version, store_version
from db.model_versions.manifest import Manifest
from db.model_versions.tables import ModelVersion
from db.training_runs import lifecycle as runs
from db.training_runs.documents import CurvePoint, GateReport, RunOptions, RunProgress
from db.training_runs.plan import MIN_REVIEWED_FACES, DatasetFiles, PlanImpossible, RunPlan, plan_run
from db.training_runs.states import InvalidRunTransition, RunClaim, name_run
from db.training_runs.sweeping import give_back_run, retry_run
from db.training_runs.tables import TrainingRun
from training.data.dataset import Dataset, read_dataset
from training.errors import RunStopped, TrainingError
from training.evaluation.compare import AcrossLabels, Comparison, compare_versions, find_best, find_holdout
from training.evaluation.gate import GateLimits
from training.export.artifact import read_manifest, verify_files
from training.fit.fine_tuning import choose_settings, choose_votes
from training.fit.settings import MAX_SEED, Labels, TrainSettings
from worker.core.services import Services
from worker.core.stopping import is_stopping
from worker.retraining.evaluation_sets import check_evaluation_sets, read_evaluation_sets
from worker.retraining.run_folders import clear_run_folders, find_run_dir
from worker.retraining.run_heartbeat import LEASE_S, RunPulse
from worker.retraining.snapshot import Snapshot, list_reviewed_faces, take_snapshot

if TYPE_CHECKING:
    from training.fit.loop import Progress

log = structlog.get_logger(__name__)


_OUTAGES = {
    BlobStoreUnavailable.code: "the model store didn't answer",
    "database_unavailable": "the database didn't answer",
}
"""The runs' error messages. The exceptions' own messages name internal hosts and files, so they are only logged."""


class RunOutcome(StrEnum):
    """How a run left this worker."""

    ENDED = "ended"
    """Decided, failed or canceled: it has ended."""
    QUEUED = "queued"
    """Requeued, for the next attempt to resume from its folder."""
    LOST = "lost"
    """Another worker may have claimed it."""


def run_retraining(services: Services, run_id: UUID, worker: str) -> None:
    """Claim a training run and run it to its end, if it is still queued. A failing run raises nothing."""
    try:
        with services.database.write() as session:
            run, claim = runs.claim_run(session, run_id, worker, LEASE_S)
    except InvalidRunTransition:
        log.info("run_not_waiting", run_id=str(run_id))  # a duplicate message, or a canceled run
        return
    run_dir = find_run_dir(services, run_id)
    with RunPulse(services.database, claim, RunProgress.read(run.progress)) as pulse:
        clear_run_folders(services, run_id)
        try:
            outcome = _work_on(services, run, claim, pulse, run_dir)
        except InvalidRunTransition:
            log.info("run_unwanted", run_id=str(run_id), attempt=claim.attempt)
            outcome = RunOutcome.LOST if pulse.is_lost else RunOutcome.ENDED
    if outcome is RunOutcome.ENDED:
        shutil.rmtree(run_dir, ignore_errors=True)


def _work_on(services: Services, run: TrainingRun, claim: RunClaim, pulse: RunPulse, run_dir: Path) -> RunOutcome:
    """Run a claimed run until its decision, or until it stops or fails."""
    try:
        challenger, comparison = _make_challenger(services, run, claim, pulse, run_dir)
    except RunStopped:
        return _stop(services, claim, pulse)
    except (BlobStoreUnavailable, OperationalError) as error:
        return _retry(services, claim, error)
    except (TrainingError, PlanImpossible, BlobMissing, BlobDamaged) as error:
        return _fail(services, claim, error.code, str(error))
    except SoftTimeLimitExceeded:
        limit = services.settings.retrain_time_limit_s
        return _fail(services, claim, "time_limit", f"the run took longer than {limit:g} seconds")
    except Exception as error:
        log.exception("run_crashed", run_id=str(run.id))
        return _fail(services, claim, "internal_error", f"unexpected {type(error).__name__}: {error}")
    return _decide(services, claim, challenger, comparison)


def _decide(services: Services, claim: RunClaim, challenger: ModelVersion, comparison: Comparison) -> RunOutcome:
    """End a run with the gate's decision."""
    decision = comparison.decision
    with services.database.write() as session:
        ended = runs.decide_run(
            session,
            claim,
            challenger,
            is_promoted=decision.is_promoted,
            reason=decision.reason,
            gate=GateReport.read(comparison.to_json()),
        )
    found = {"status": ended.status, "reason": ended.reason, "challenger": challenger.number}
    log.info("run_decided", run_id=str(claim.run_id), **found)
    return RunOutcome.ENDED


def _stop(services: Services, claim: RunClaim, pulse: RunPulse) -> RunOutcome:
    """Stop a run that was canceled, whose worker is stopping, or that another worker has claimed."""
    with services.database.write() as session:
        if pulse.canceled_by is not None:
            runs.finish_cancel(session, claim, pulse.canceled_by)
            return RunOutcome.ENDED
        if is_stopping():
            give_back_run(session, claim, Actor.worker(claim.worker))
            return RunOutcome.QUEUED
    return RunOutcome.LOST


def _retry(services: Services, claim: RunClaim, error: BlobStoreUnavailable | OperationalError) -> RunOutcome:
    """Requeue a run whose store or database was unavailable; the next attempt resumes, so that hours of training aren't lost.

    If the database is still down this raises too, and the lease recovers the run.
    """
    code = error.code if isinstance(error, BlobStoreUnavailable) else "database_unavailable"
    log.warning("run_interrupted", run_id=str(claim.run_id), attempt=claim.attempt, code=code, reason=str(error))
    with services.database.write() as session:
        run = retry_run(session, claim, Actor.worker(claim.worker), code, _OUTAGES[code])
    return RunOutcome.QUEUED if run.status is TrainingRunStatus.QUEUED else RunOutcome.ENDED


def _fail(services: Services, claim: RunClaim, code: str, detail: str) -> RunOutcome:
    log.warning("run_failed", run_id=str(claim.run_id), code=code, detail=detail)
    with services.database.write() as session:
        runs.fail_run(session, claim, code, detail)
    return RunOutcome.ENDED


def _make_challenger(
    services: Services, run: TrainingRun, claim: RunClaim, pulse: RunPulse, run_dir: Path
) -> tuple[ModelVersion, Comparison]:
    """Train and store a version, and compare it with the champion, and with the best version on its labels if that is another
    one.
    """
    pulse.report_step("preparing")
    rivals = _find_rivals(services, run, run_dir)
    champion_dir, plan = rivals.champion_dir, rivals.plan
    labels: Labels = plan.labels
    dataset = _read_dataset(services, rivals, labels)
    find_holdout(dataset, labels)  # fail now rather than after hours
    check_evaluation_sets(services.settings)
    reference_dir = find_best(rivals.reference_dirs, dataset, labels) if rivals.reference_dirs else None
    parent_dir = reference_dir or champion_dir
    wanted = _choose_settings(services, run, read_manifest(parent_dir), plan, dataset)
    initial_weights = None if plan.is_from_scratch else parent_dir
    snapshot = take_snapshot(services, claim, dataset, rivals.champion, wanted, plan)
    pulse.report_step("training")
    weights_dir = run_dir / _name_folder(wanted, snapshot, rivals.champion, parent_dir)
    folder = _train(wanted, weights_dir, dataset, snapshot, pulse, initial_weights)
    pulse.report_step("comparing")
    comparison = compare_versions(
        champion_dir,
        folder,
        dataset,
        labels,
        GateLimits(min_reviewed_faces=MIN_REVIEWED_FACES),
        read_evaluation_sets(services.settings),
        reviewed=list_reviewed_faces(services),
        across=AcrossLabels(reference_dir, MIN_REVIEWED_FACES) if plan.is_across_labels else None,
    )
    pulse.renew()  # a comparison takes a while, and the run may have been canceled since the last heartbeat
    if pulse.should_stop():
        raise RunStopped("stopped before the decision")
    name = f"retrained {run.created_at:%Y-%m-%d}"
    version = store_version(services.database, services.blobs, name, folder, actor=Actor.system(name_run(claim.run_id)))
    return version, comparison


@dataclass(frozen=True)
class _Rivals:
    """The versions that a run compares its result with. reference_dirs: of candidates for the reference, the best of which is used;
    may be empty.
    """

    plan: RunPlan
    champion: ModelVersion
    champion_dir: Path
    reference_dirs: list[Path]


def _find_rivals(services: Services, run: TrainingRun, run_dir: Path) -> _Rivals:
    """Plan the run again, because the version in service may have changed, and fetch the versions that it compares."""
    files = DatasetFiles.of(services.settings.dataset_csv, services.settings.dataset_votes)
    with services.database.read() as session:
        plan = plan_run(session, files, from_scratch=RunOptions.read(run.options).from_scratch)
        champion, *references = (get_version(session, planned.number) for planned in (plan.champion, *plan.references))
    champion_dir, *reference_dirs = (
        fetch_version(services.blobs, version, run_dir / f"version-{version.number}")
        for version in (champion, *references)
    )
    for folder in (champion_dir, *reference_dirs):
        verify_files(folder)
    return _Rivals(plan, champion, champion_dir, reference_dirs)


def _read_dataset(services: Services, rivals: _Rivals, labels: Labels) -> Dataset:
    """Read the dataset once per run."""
    settings = services.settings
    assert settings.dataset_csv is not None  # or there was no plan
    parent = read_manifest(rivals.champion_dir)
    votes_path = choose_votes(parent, settings.dataset_votes, labels=labels, from_scratch=rivals.plan.is_from_scratch)
    return read_dataset(settings.dataset_csv, votes_path, cache_dir=settings.data_dir / "datasets")


def _choose_settings(
    services: Services, run: TrainingRun, parent: Manifest, plan: RunPlan, dataset: Dataset
) -> TrainSettings:
    settings = services.settings
    assert settings.dataset_csv is not None
    epochs = RunOptions.read(run.options).epochs
    return choose_settings(
        parent,
        settings.dataset_csv,
        settings.dataset_votes if dataset.votes is not None else None,
        labels=plan.labels,
        from_scratch=plan.is_from_scratch,
        epochs=epochs or (None if plan.is_from_scratch else settings.retrain_epochs),
        learning_rate=settings.retrain_learning_rate,
        seed=run.id.int % (MAX_SEED + 1),
        correction_share=settings.max_correction_share,
    )


def _name_folder(wanted: TrainSettings, snapshot: Snapshot, champion: ModelVersion, parent_dir: Path) -> str:
    """Return the folder's name. Another attempt resumes in the same folder only if it would do exactly the same."""
    made_from = json.dumps([wanted.to_json(), snapshot.digest, champion.digest, parent_dir.name], sort_keys=True)
    return f"weights-{hashlib.sha256(made_from.encode()).hexdigest()[:16]}"


def _train(
    wanted: TrainSettings,
    weights_dir: Path,
    dataset: Dataset,
    snapshot: Snapshot,
    pulse: RunPulse,
    initial_weights: Path | None,
) -> Path:
    """Train, or resume an earlier attempt in `weights_dir`. Returns the version's folder."""
    from training.pipeline import run_training

    def report(progress: "Progress") -> None:
        finished = None if progress.last is None else CurvePoint.read(asdict(progress.last))
        now = RunProgress(
            epoch=progress.epoch,
            epochs=progress.epochs,
            loss=progress.loss,
            accuracy=progress.accuracy,
            seconds_left=progress.seconds_left,
        )
        pulse.report_epoch(now, finished)

    return run_training(
        wanted,
        weights_dir,
        progress=report,
        should_stop=pulse.should_stop,
        dataset=dataset,
        initial_weights=initial_weights,
        corrections=snapshot.corrections,
    )
