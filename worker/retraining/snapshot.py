"""Fixes the data of a training run when it first starts: the CSV by its digest, the corrections as rows."""

import hashlib
from dataclasses import dataclass

import numpy as np
import structlog

from db.core.vocabulary import CROP_SIDE, EMOTIONS
from db.model_versions.tables import ModelVersion
from db.training_runs.corrections import (
    Correction,
    RunCorrection,
    count_corrections,
    list_corrections,
    list_reviewed,
    list_used,
    record_corrections,
)
from db.training_runs.documents import RunAudit
from db.training_runs.erased_corrections import drop_erased
from db.training_runs.lifecycle import get_run, record_snapshot
from db.training_runs.plan import RunPlan
from db.training_runs.states import RunClaim
from training.data.audit import audit_dataset
from training.data.corrections import LabelledFaces, refuse_corrections
from training.data.dataset import Dataset
from training.data.split import divide_dataset
from training.fit.settings import TrainSettings
from worker.core.services import Services

TOO_FEW_VOTES = "too_few_votes"

MAX_REVIEWED_FACES = 5000
"""Maximum number of reviewed faces for the comparison, newest first: some 12 MB of crops."""

_LABELS_A_BLOCK = 2000

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Snapshot:
    """The corrections used for training. digest: hex, of the CSV's rows and the corrections; another digest means another run
    folder.
    """

    corrections: LabelledFaces
    digest: str


def list_reviewed_faces(services: Services) -> LabelledFaces:
    """Return the latest randomly drawn faces with labels. No run trains on them, so they can be used to compare versions."""
    with services.database.read() as session:
        return _stack(list_reviewed(session, limit=MAX_REVIEWED_FACES))


def take_snapshot(
    services: Services,
    claim: RunClaim,
    dataset: Dataset,
    champion: ModelVersion,
    wanted: TrainSettings,
    plan: RunPlan,
    *,
    labels_a_block: int = _LABELS_A_BLOCK,
) -> Snapshot:
    """Select the run's corrections, or load those of an earlier attempt, and record the data of the run.

    Corrections erased since an earlier attempt are left out, which changes the digest, so training starts over. If the dataset
    has changed, corrections are selected again, because they were checked against its rows.
    wanted: selects the training rows of the dataset.
    plan: of the run, also recorded.
    labels_a_block: labels read at a time.
    Raises InvalidRunTransition if the claim is no longer valid.
    """
    with services.database.read() as session:
        run = get_run(session, claim.run_id)
        is_new = run.dataset_sha256 != dataset.sha256
    run_corrections = _choose(services, dataset, wanted, labels_a_block) if is_new else []
    audit = RunAudit.read({**audit_dataset(dataset), "plan": plan.model_dump(mode="json")})
    for warning in audit.warnings:
        log.warning("dataset_warning", run_id=str(claim.run_id), warning=warning)
    with services.database.write() as session:
        if is_new:
            record_corrections(session, claim.run_id, drop_erased(session, run_corrections))
            session.flush()
        used = list_used(session, claim.run_id)
        by_emotion = {emotion.value: sum(correction.emotion is emotion for correction in used) for emotion in EMOTIONS}
        counts = count_corrections(session, claim.run_id)
        audit = audit.model_copy(update={"corrections": counts, "corrections_by_emotion": by_emotion})
        record_snapshot(session, claim, dataset_sha256=dataset.sha256, audit=audit, champion_id=champion.id)
    digest = hashlib.sha256(dataset.sha256.encode())
    for correction in used:
        digest.update(correction.crop + correction.emotion.encode())
    return Snapshot(_stack(used), digest.hexdigest())


def _choose(services: Services, dataset: Dataset, wanted: TrainSettings, labels_a_block: int) -> list[RunCorrection]:
    """Select the latest labels that pass the filter, and the latest that don't, at most `max_corrections` of each.

    Labels are read until enough have passed, so that refused ones don't displace older ones.
    """
    settings, last = services.settings, None
    passed, refused = list[Correction](), list[RunCorrection]()
    while len(passed) < settings.max_corrections:
        with services.database.read() as session:
            block = list_corrections(session, limit=labels_a_block, after=last)
        if not block:
            break
        last = block[-1]
        for candidate, refusal in zip(block, _filter(block, dataset, settings.min_correction_votes), strict=True):
            if refusal is None:
                passed.append(candidate)
            else:
                refused.append(RunCorrection(candidate.subject_id, candidate.emotion, refusal))
    del passed[settings.max_corrections :], refused[settings.max_corrections :]
    training, _ = divide_dataset(dataset, wanted)
    shares = refuse_corrections(_stack(passed), dataset, len(training), settings.max_correction_share)
    considered = [
        RunCorrection(candidate.subject_id, candidate.emotion, refusal)
        for candidate, refusal in zip(passed, shares, strict=True)
    ]
    return considered + refused


def _filter(candidates: list[Correction], dataset: Dataset, least_votes: int) -> list[str | None]:
    """Return why each can't be used, independent of the others, or None if it can."""
    is_agreed = [candidate.vote_count >= least_votes for candidate in candidates]
    agreed = [candidate for candidate, is_enough in zip(candidates, is_agreed, strict=True) if is_enough]
    # Half of all, and as many rows of the dataset, leave room for each: the maximum share is checked for all blocks together.
    refusals = iter(refuse_corrections(_stack(agreed), dataset, len(agreed), 0.5))
    return [next(refusals) if is_enough else TOO_FEW_VOTES for is_enough in is_agreed]


def _stack(corrections: list[Correction]) -> LabelledFaces:
    crops = b"".join(correction.crop for correction in corrections)
    return LabelledFaces(
        images=np.frombuffer(crops, np.uint8).reshape(-1, CROP_SIDE, CROP_SIDE),
        labels=np.array([EMOTIONS.index(correction.emotion) for correction in corrections], np.int64),
        face_px=np.array([correction.face_px for correction in corrections], np.int64),
    )
