"""One training run from claim to decision: snapshot, train, compare with the champion, decide, record.

Reads top to bottom. TensorFlow is imported when training begins, in a child that ends with the run. The run's folder holds
weights and settings, never faces, so that it can go on after any kill; it is deleted when the run has ended;
where it ended out of this worker's hands, when the next one is taken.
"""

import hashlib
import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from billiard.exceptions import SoftTimeLimitExceeded
from sqlalchemy.exc import OperationalError

from db.core.actors import Actor
from db.core.blobs import BlobDamaged, BlobMissing, BlobStoreUnavailable
from db.core.vocabulary import TrainingRunStatus
from db.model_versions.actions import get_champion
from db.model_versions.files import fetch_version, store_version
from db.model_versions.tables import ModelVersion
from db.training_runs import lifecycle as runs
from db.training_runs.states import InvalidRunTransition, RunClaim, name_run
from db.training_runs.sweeping import give_back_run, retry_run
from db.training_runs.tables import TrainingRun
from training.data.dataset import read_dataset
from training.errors import RetrainingImpossible, RunStopped, TrainingError
from training.evaluation.compare import Comparison, compare_versions, find_holdout
from training.evaluation.gate import GateLimits
from training.export.artifact import Manifest, verify_files
from training.fit.fine_tuning import choose_settings
from training.fit.settings import MAX_SEED, TrainSettings
from worker.core.services import Services
from worker.core.stopping import is_stopping
from worker.retraining.evaluation_sets import check_evaluation_sets, read_evaluation_sets
from worker.retraining.run_folders import clear_run_folders, find_run_dir
from worker.retraining.run_heartbeat import LEASE_S, RunPulse
from worker.retraining.snapshot import Snapshot, take_snapshot

if TYPE_CHECKING:
    from training.fit.loop import Progress

log = structlog.get_logger(__name__)


_OUTAGES = {
    BlobStoreUnavailable.code: "the store that holds the models didn't answer",
    "database_unavailable": "the database didn't answer",
}
"""What a run says of them; the exceptions' own sentences name hosts and files of ours, and are for the log."""


def run_retraining(services: Services, run_id: UUID, worker: str) -> None:
    """Take a training run and bring it to its end, unless it is no longer wanted. Nothing is raised for a run that fails."""
    try:
        with services.database.write() as session:
            run, claim = runs.claim_run(session, run_id, worker, LEASE_S)
    except InvalidRunTransition:
        log.info("run_not_waiting", run_id=str(run_id))  # a message that came twice, or a canceled run
        return
    run_dir = find_run_dir(services, run_id)
    is_over = True
    with RunPulse(services.database, claim, run.progress) as pulse:
        clear_run_folders(services, run_id)
        try:
            is_over = _settle(services, run, claim, pulse, run_dir)
        except InvalidRunTransition:
            log.info("run_unwanted", run_id=str(run_id), attempt=claim.attempt)
            is_over = not pulse.is_lost
    if is_over:
        shutil.rmtree(run_dir, ignore_errors=True)


def _settle(services: Services, run: TrainingRun, claim: RunClaim, pulse: RunPulse, run_dir: Path) -> bool:
    """Bring a claimed run to its end. Returns whether it is over, and not only out of this worker's hands."""
    try:
        challenger, comparison = _make_challenger(services, run, claim, pulse, run_dir)
    except RunStopped:
        return _stop(services, claim, pulse)
    except (BlobStoreUnavailable, OperationalError) as error:
        return _retry(services, claim, error)
    except (TrainingError, BlobMissing, BlobDamaged) as error:
        _fail(services, claim, error.code, str(error))
    except SoftTimeLimitExceeded:
        limit = services.settings.retrain_time_limit_s
        _fail(services, claim, "time_limit", f"the run took longer than {limit:g} seconds")
    except Exception as error:
        log.exception("run_crashed", run_id=str(run.id))
        _fail(services, claim, "internal_error", f"unexpected {type(error).__name__}: {error}")
    else:
        decision = comparison.decision
        with services.database.write() as session:
            ended = runs.decide_run(
                session,
                claim,
                challenger,
                is_promoted=decision.is_promoted,
                reason=decision.reason,
                gate=comparison.to_json(),
            )
        log.info(
            "run_decided",
            run_id=str(run.id),
            status=ended.status,
            reason=ended.reason,
            challenger=challenger.number,
        )
    return True


def _stop(services: Services, claim: RunClaim, pulse: RunPulse) -> bool:
    """End a run that stopped because somebody canceled it, its worker is leaving, or another worker has it."""
    with services.database.write() as session:
        if pulse.canceled_by is not None:
            runs.finish_cancel(session, claim, pulse.canceled_by)
            return True
        if is_stopping():
            give_back_run(session, claim, Actor.worker(claim.worker))
    return False


def _retry(services: Services, claim: RunClaim, error: BlobStoreUnavailable | OperationalError) -> bool:
    """Give a run back whose store or database was away, so that hours of training aren't lost: the next attempt goes on from them.

    Where the database is still away this raises in its turn, and the lease brings the run back. Returns whether it is over.
    """
    code = error.code if isinstance(error, BlobStoreUnavailable) else "database_unavailable"
    log.warning("run_interrupted", run_id=str(claim.run_id), attempt=claim.attempt, code=code, reason=str(error))
    with services.database.write() as session:
        run = retry_run(session, claim, Actor.worker(claim.worker), code, _OUTAGES[code])
    return run.status is not TrainingRunStatus.QUEUED


def _fail(services: Services, claim: RunClaim, code: str, detail: str) -> None:
    log.warning("run_failed", run_id=str(claim.run_id), code=code, detail=detail)
    with services.database.write() as session:
        runs.fail_run(session, claim, code, detail)


def _make_challenger(
    services: Services, run: TrainingRun, claim: RunClaim, pulse: RunPulse, run_dir: Path
) -> tuple[ModelVersion, Comparison]:
    """Train a version, store it and compare it with the champion."""
    pulse.report_step("preparing")
    cache_dir = services.settings.data_dir / "datasets"
    champion, champion_dir = _fetch_champion(services, run_dir)
    wanted = _choose_settings(services, run, verify_files(champion_dir))
    dataset = read_dataset(wanted.csv_path, wanted.votes_path, cache_dir=cache_dir)
    find_holdout(dataset, wanted.labels)  # better to fail now than after hours
    check_evaluation_sets(services.settings)
    snapshot = take_snapshot(services, claim, dataset, champion, wanted)
    pulse.report_step("training")
    initial_weights = None if run.options["from_scratch"] else champion_dir
    weights_dir = run_dir / _name_folder(wanted, snapshot, champion)
    folder = _train(wanted, weights_dir, snapshot, pulse, initial_weights, cache_dir)
    pulse.report_step("comparing")
    sets = read_evaluation_sets(services.settings)
    comparison = compare_versions(champion_dir, folder, dataset, wanted.labels, GateLimits(), sets)
    pulse.renew()  # a comparison takes a while, and somebody may have canceled the run since the last sign of life
    if pulse.should_stop():
        raise RunStopped("stopped before the decision")
    name = f"retrained {run.created_at:%Y-%m-%d}"
    version = store_version(services.database, services.blobs, name, folder, actor=Actor.system(name_run(claim.run_id)))
    return version, comparison


def _fetch_champion(services: Services, run_dir: Path) -> tuple[ModelVersion, Path]:
    with services.database.read() as session:
        champion = get_champion(session)
    if champion is None:
        raise RetrainingImpossible("no model version is in service, so there is nothing to compare with")
    return champion, fetch_version(services.blobs, champion, run_dir / f"champion-{champion.number}")


def _choose_settings(services: Services, run: TrainingRun, champion: Manifest) -> TrainSettings:
    settings = services.settings
    if settings.dataset_csv is None:
        raise RetrainingImpossible("no dataset is configured: name one in EMOSCOPE_DATASET_CSV")
    is_from_scratch = bool(run.options["from_scratch"])
    epochs: int | None = run.options["epochs"]
    return choose_settings(
        champion,
        settings.dataset_csv,
        settings.dataset_votes,
        from_scratch=is_from_scratch,
        epochs=epochs or (None if is_from_scratch else settings.retrain_epochs),
        learning_rate=settings.retrain_learning_rate,
        seed=run.id.int % (MAX_SEED + 1),
    )


def _name_folder(wanted: TrainSettings, snapshot: Snapshot, champion: ModelVersion) -> str:
    """Another attempt goes on in the same folder only where it would do the very same."""
    made_from = json.dumps([wanted.to_json(), snapshot.digest, champion.digest], sort_keys=True)
    return f"weights-{hashlib.sha256(made_from.encode()).hexdigest()[:16]}"


def _train(
    wanted: TrainSettings,
    weights_dir: Path,
    snapshot: Snapshot,
    pulse: RunPulse,
    initial_weights: Path | None,
    cache_dir: Path,
) -> Path:
    """Train, or go on with what an earlier attempt left in `weights_dir`. Returns the version's folder."""
    from training.pipeline import run_training

    def report(progress: "Progress") -> None:
        figures: dict[str, Any] = asdict(progress)
        pulse.report_epoch(figures, figures.pop("last"))

    return run_training(
        wanted,
        weights_dir,
        progress=report,
        should_stop=pulse.should_stop,
        initial_weights=initial_weights,
        corrections=snapshot.corrections,
        cache_dir=cache_dir,
    )
