from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from db.core.session import Database
from db.core.vocabulary import EMOTIONS, Architecture, Emotion, TrainingTrigger, VoteChoice
from db.jobs.erasure import erase_job
from db.model_versions.actions import get_champion
from db.reviews.actions import cast_vote, list_votes
from db.reviews.queue import take_faces
from db.training_runs import lifecycle as runs
from db.training_runs.plan import DatasetFiles, plan_run
from db.training_runs.states import RunClaim
from db.training_runs.tables import TrainingRun
from tests.support.drawn_faces import draw_face, write_drawn_csv
from tests.support.factories.actors import ANA
from tests.support.factories.analyses import Analyses
from training.data.audit import audit_dataset
from training.data.dataset import Dataset, read_dataset
from training.fit.settings import RECIPES, TrainSettings
from worker.core.services import Services
from worker.retraining import snapshot as run_snapshot
from worker.retraining.snapshot import Snapshot, take_snapshot

HAPPY = (Emotion.HAPPY, 0.6)
RECIPE = replace(RECIPES[Architecture.REPORT], validation_share=0.25)
WANTED = TrainSettings(Path("x.csv"), "hard", Architecture.REPORT, RECIPE)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("snapshot")
    return read_dataset(write_drawn_csv(folder / "x.csv", training=8, public=4), cache_dir=folder)


def draw_crop(seed: int) -> bytes:
    """A sharp picture that is like none of the dataset."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (12, 12)).repeat(4, axis=0).repeat(4, axis=1)
    return coarse.astype(np.uint8).tobytes()


def judge(database: Database, face_id: UUID, choice: VoteChoice = VoteChoice.SAD, reviewer: str = "ana") -> None:
    with database.write() as session:
        cast_vote(session, face_id, reviewer, choice)


def claim(database: Database, run_id: UUID | None = None) -> RunClaim:
    with database.write() as session:
        run_id = run_id or runs.create_run(session, TrainingTrigger.COMMAND, ANA).id
        return runs.claim_run(session, run_id, "w", 60)[1]


def take(services: Services, held: RunClaim, dataset: Dataset, **options: int) -> tuple[Snapshot, TrainingRun]:
    with services.database.read() as session:
        champion = get_champion(session)
    assert champion is not None
    with services.database.read() as session:
        plan = plan_run(session, DatasetFiles(has_csv=True, has_votes=False))
    snapshot = take_snapshot(services, held, dataset, champion, WANTED, plan, **options)
    with services.database.read() as session:
        return snapshot, runs.get_run(session, held.run_id)


def test_a_run_writes_down_its_dataset_its_corrections_and_its_champion(
    services: Services, database: Database, analyses: Analyses, dataset: Dataset
) -> None:
    face_id = analyses.store(HAPPY, crop=draw_crop(1)).face_ids[0]
    judge(database, face_id)
    snapshot, run = take(services, claim(database), dataset)
    assert snapshot.corrections.images.tobytes() == draw_crop(1)
    assert snapshot.corrections.labels.tolist() == [EMOTIONS.index(Emotion.SAD)]
    assert run.dataset_sha256 == dataset.sha256
    assert run.champion_id is not None
    assert run.audit is not None
    assert run.audit["corrections"] == {"used": 1}
    assert run.audit["corrections_by_emotion"]["sad"] == 1
    assert run.audit["splits"]["Training"]["rows"] == 56


def test_each_correction_that_could_do_harm_is_left_out_with_its_reason(
    services: Services, database: Database, analyses: Analyses, dataset: Dataset
) -> None:
    holdout = dataset.images[dataset.find_part("PublicTest")][0]
    near = np.roll(holdout, 1, axis=1)[:, ::-1].astype(np.uint8)
    small = analyses.store(HAPPY, crop=draw_crop(1), box=(0, 0, 47, 90))
    blurred = analyses.store(HAPPY, crop=bytes(range(48)) * 48)
    copied = analyses.store(HAPPY, crop=near.tobytes())
    for stored in (small, blurred, copied):
        judge(database, stored.face_ids[0])
    snapshot, run = take(services, claim(database), dataset)
    assert run.audit is not None
    assert run.audit["corrections"] == {"too_small": 1, "blurred": 1, "like_holdout": 1}
    assert len(snapshot.corrections.images) == 0


def test_corrections_are_at_most_the_set_share_of_a_run(
    services: Services, database: Database, analyses: Analyses, dataset: Dataset
) -> None:
    for seed in range(20):
        judge(database, analyses.store(HAPPY, crop=draw_crop(seed)).face_ids[0])
    services.settings = services.settings.model_copy(update={"max_correction_share": 0.2})
    snapshot, run = take(services, claim(database), dataset)
    assert len(snapshot.corrections.images) == 10  # of 42 + 10: a quarter of the 56 Training rows is held out
    assert run.audit is not None
    assert run.audit["corrections"] == {"used": 10, "over_share": 10}


def test_a_label_needs_the_votes_that_the_settings_ask_for(
    services: Services, database: Database, analyses: Analyses, dataset: Dataset
) -> None:
    single, double = (analyses.store(HAPPY, crop=draw_crop(seed)).face_ids[0] for seed in (1, 2))
    judge(database, single)
    for reviewer in ("ana", "ben"):
        judge(database, double, reviewer=reviewer)
    services.settings = services.settings.model_copy(update={"min_correction_votes": 2})
    snapshot, run = take(services, claim(database), dataset)
    assert snapshot.corrections.images.tobytes() == draw_crop(2)
    assert run.audit is not None
    assert run.audit["corrections"] == {"used": 1, "too_few_votes": 1}


def test_labels_that_are_refused_keep_no_older_ones_out(
    services: Services, database: Database, analyses: Analyses, dataset: Dataset
) -> None:
    for seed in range(4):
        judge(database, analyses.store(HAPPY, crop=draw_crop(seed)).face_ids[0])
    for seed in range(4, 9):
        judge(database, analyses.store(HAPPY, crop=draw_crop(seed), box=(0, 0, 47, 90)).face_ids[0])
    services.settings = services.settings.model_copy(update={"max_corrections": 3})
    snapshot, run = take(services, claim(database), dataset, labels_a_block=2)
    assert {image.tobytes() for image in snapshot.corrections.images} == {draw_crop(seed) for seed in (1, 2, 3)}
    assert run.audit is not None
    assert run.audit["corrections"] == {"used": 3, "too_small": 3}


def test_the_queue_brings_each_face_the_votes_that_the_settings_ask_for(
    services: Services, database: Database, analyses: Analyses, dataset: Dataset
) -> None:
    services.settings = services.settings.model_copy(update={"min_correction_votes": 2, "max_correction_share": 0.5})
    for seed in range(12):
        analyses.store(HAPPY, crop=draw_crop(seed))
    for reviewer in ("ana", "ben", "cid"):
        while True:
            with database.write() as session:
                taken = take_faces(session, reviewer, limit=1)
                for item in taken:
                    cast_vote(session, item.face_id, reviewer, VoteChoice.SAD, least_votes=2)
            if not taken:
                break
    _, run = take(services, claim(database), dataset)
    assert run.audit is not None
    assert run.audit["corrections"] == {"used": 12}
    with database.read() as session:
        assert len(list_votes(session)) == 24


def test_another_attempt_learns_from_the_same_corrections(
    services: Services, database: Database, analyses: Analyses, dataset: Dataset
) -> None:
    first_face, second_face = (analyses.store(HAPPY, crop=draw_crop(seed)).face_ids[0] for seed in (1, 2))
    judge(database, first_face)
    held = claim(database)
    first, _ = take(services, held, dataset)
    judge(database, second_face)
    judge(database, first_face, VoteChoice.ANGRY)
    second, _ = take(services, held, dataset)
    assert second.digest == first.digest
    assert second.corrections.labels.tolist() == [EMOTIONS.index(Emotion.SAD)]


def test_another_attempt_on_another_dataset_holds_its_corrections_against_that(
    services: Services, database: Database, analyses: Analyses, dataset: Dataset
) -> None:
    kept, copied = (analyses.store(HAPPY, crop=draw_crop(seed)) for seed in (1, 2))
    for stored in (kept, copied):
        judge(database, stored.face_ids[0])
    held = claim(database)
    first, _ = take(services, held, dataset)
    images = dataset.images.copy()
    images[dataset.find_part("PublicTest")[0]] = np.frombuffer(draw_crop(2), np.uint8).reshape(48, 48)
    second, run = take(services, held, Dataset(images, dataset.labels, dataset.parts))
    assert (len(first.corrections.images), second.corrections.images.tobytes()) == (2, draw_crop(1))
    assert run.audit is not None
    assert run.audit["corrections"] == {"used": 1, "like_holdout": 1}


def test_what_is_erased_while_it_is_judged_is_not_offered(
    services: Services, database: Database, analyses: Analyses, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, erased = (analyses.store(HAPPY, crop=draw_crop(seed)) for seed in (1, 2))
    for stored in (kept, erased):
        judge(database, stored.face_ids[0])

    def audit_and_erase(dataset: Dataset) -> Any:
        with database.write() as session:
            erase_job(session, erased.job_id)
        return audit_dataset(dataset)

    monkeypatch.setattr(run_snapshot, "audit_dataset", audit_and_erase)
    snapshot, run = take(services, claim(database), dataset)
    assert snapshot.corrections.images.tobytes() == draw_crop(1)
    assert run.audit is not None
    assert run.audit["corrections"] == {"used": 1}


def test_what_is_erased_between_two_attempts_is_gone_from_the_second(
    services: Services, database: Database, analyses: Analyses, dataset: Dataset
) -> None:
    kept, erased = (analyses.store(HAPPY, crop=draw_crop(seed)) for seed in (1, 2))
    for stored in (kept, erased):
        judge(database, stored.face_ids[0])
    held = claim(database)
    first, _ = take(services, held, dataset)
    with database.write() as session:
        erase_job(session, erased.job_id)
    second, run = take(services, held, dataset)
    assert (len(first.corrections.images), len(second.corrections.images)) == (2, 1)
    assert second.digest != first.digest
    assert run.audit is not None
    assert run.audit["corrections"] == {"used": 1}


def test_faces_drawn_apart_are_not_near_copies(dataset: Dataset) -> None:
    from training.data.corrections import find_near_copies

    random = np.random.default_rng(3)
    far = np.stack([draw_face(number, random, offset_px=14) for number in range(7)])
    holdout = dataset.images[dataset.find_part("PublicTest")]
    assert not find_near_copies(far, holdout).any()
    assert find_near_copies(holdout[:, :, ::-1], holdout).all()
