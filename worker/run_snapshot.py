"""What a training run is made from, fixed when it first begins: the CSV by its identity, the corrections by their rows."""

import hashlib
from dataclasses import dataclass

import numpy as np

from db.corrections import Correction, Offer, count_offers, list_corrections, list_used, record_offers
from db.models import ModelVersion
from db.training_run_offers import keep_offers
from db.training_run_states import RunClaim
from db.training_runs import get_run, note_snapshot
from db.vocabulary import CROP_SIDE, EMOTIONS
from training.audit import audit_dataset
from training.corrections import LabelledFaces, refuse_corrections
from training.dataset import Dataset
from training.settings import TrainSettings
from training.split import divide_dataset
from worker.services import Services

TOO_FEW_VOTES = "too_few_votes"


@dataclass(frozen=True)
class Snapshot:
    """The corrections that teach. digest: hex, of the CSV's rows and of these; another one means another run folder."""

    corrections: LabelledFaces
    digest: str


def take_snapshot(
    services: Services, claim: RunClaim, dataset: Dataset, champion: ModelVersion, wanted: TrainSettings
) -> Snapshot:
    """Choose the run's corrections, or find those of an earlier attempt, and write down all that it is made from.

    What was erased since an earlier attempt is gone from it, which changes the digest: the run starts anew without it. Where the
    dataset is another one by now, the corrections are chosen anew too, for they were held against the rows of the old one.
    wanted: says which rows of the dataset teach.
    Raises InvalidRunTransition if the claim is no longer valid.
    """
    with services.database.read() as session:
        run = get_run(session, claim.run_id)
        is_new = run.dataset_sha256 != dataset.sha256
        candidates = list_corrections(session, limit=services.settings.max_corrections) if is_new else []
    offers = _judge(services, candidates, dataset, wanted)
    audit = audit_dataset(dataset)
    with services.database.write() as session:
        if is_new:
            record_offers(session, claim.run_id, keep_offers(session, offers))
            session.flush()
        used = list_used(session, claim.run_id)
        audit["corrections"] = count_offers(session, claim.run_id)
        audit["corrections_by_emotion"] = {
            emotion.value: sum(correction.emotion is emotion for correction in used) for emotion in EMOTIONS
        }
        note_snapshot(session, claim, dataset_sha256=dataset.sha256, audit=audit, champion_id=champion.id)
    digest = hashlib.sha256(dataset.sha256.encode())
    for correction in used:
        digest.update(correction.crop + correction.emotion.encode())
    return Snapshot(_stack(used), digest.hexdigest())


def _judge(services: Services, candidates: list[Correction], dataset: Dataset, wanted: TrainSettings) -> list[Offer]:
    settings = services.settings
    is_agreed = [candidate.vote_count >= settings.min_correction_votes for candidate in candidates]
    agreed = [candidate for candidate, is_enough in zip(candidates, is_agreed, strict=True) if is_enough]
    teaching, _ = divide_dataset(dataset, wanted)
    refusals = iter(refuse_corrections(_stack(agreed), dataset, len(teaching), settings.max_correction_share))
    return [
        Offer(candidate.subject_id, candidate.emotion, next(refusals) if is_enough else TOO_FEW_VOTES)
        for candidate, is_enough in zip(candidates, is_agreed, strict=True)
    ]


def _stack(corrections: list[Correction]) -> LabelledFaces:
    crops = b"".join(correction.crop for correction in corrections)
    return LabelledFaces(
        images=np.frombuffer(crops, np.uint8).reshape(-1, CROP_SIDE, CROP_SIDE),
        labels=np.array([EMOTIONS.index(correction.emotion) for correction in corrections], np.int64),
        face_px=np.array([correction.face_px for correction in corrections], np.int64),
    )
