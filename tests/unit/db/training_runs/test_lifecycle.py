import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from db.accounts.audit_log import AuditFilter, list_audit_events
from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import CHAMPION, Emotion, ReviewSlice, TrainingRunStatus, TrainingTrigger, VoteChoice
from db.jobs.erasure import erase_job
from db.model_versions import actions as model_versions
from db.model_versions.tables import ModelAlias, ModelVersion
from db.reviews.actions import cast_vote
from db.reviews.tables import ReviewItem, ReviewSubject
from db.training_runs import lifecycle as runs
from db.training_runs import sweeping
from db.training_runs.corrections import (
    RunCorrection,
    count_corrections,
    list_corrections,
    list_used,
    record_corrections,
)
from db.training_runs.documents import CurvePoint, GateDecision, GateReport, RunProgress
from db.training_runs.lifecycle import TrainingRunActive, UnknownTrainingRun
from db.training_runs.states import InvalidRunTransition, RunClaim
from db.training_runs.tables import TrainingRun

if TYPE_CHECKING:
    from tests.unit.conftest import Analyses

LEASE_S = 30
GATE = GateReport(decision=GateDecision(is_promoted=False, reason="because"))
SLOT = datetime(2026, 11, 22, 3, tzinfo=UTC)


def start(database: Database, **options: object) -> UUID:
    with database.write() as session:
        return runs.create_run(session, TrainingTrigger.COMMAND, "ana", **options).id  # type: ignore[arg-type]


def claim(database: Database, run_id: UUID, lease_s: float = LEASE_S) -> RunClaim:
    with database.write() as session:
        return runs.claim_run(session, run_id, "w1", lease_s)[1]


def read(database: Database, run_id: UUID) -> TrainingRun:
    with database.read() as session:
        return runs.get_run(session, run_id)


def add_version(database: Database, name: str, *, is_champion: bool = False) -> ModelVersion:
    with database.write() as session:
        version = model_versions.add_version(session, name, name, {"schema_version": 2, "architecture": "report"})
        if is_champion:
            model_versions.promote(session, version, "test", "for the test")
        return version


def decide(database: Database, held: RunClaim, challenger: ModelVersion, *, is_promoted: bool) -> TrainingRun:
    with database.write() as session:
        return runs.decide_run(session, held, challenger, is_promoted=is_promoted, reason="because", gate=GATE)


def snapshot(database: Database, held: RunClaim, champion: ModelVersion) -> None:
    with database.write() as session:
        runs.record_snapshot(session, held, dataset_sha256="d", audit={"rows": 1}, champion_id=champion.id)


def champion(database: Database) -> str:
    with database.read() as session:
        found = model_versions.get_champion(session)
        assert found is not None
        return found.name


def test_one_run_waits_or_runs_at_a_time(database: Database) -> None:
    first = start(database)
    with pytest.raises(TrainingRunActive):
        start(database)
    held = claim(database, first)
    with pytest.raises(TrainingRunActive):
        start(database)
    with database.write() as session:
        runs.fail_run(session, held, "dataset_invalid", "no rows")
    assert read(database, start(database)).status is TrainingRunStatus.QUEUED


def test_one_moment_of_the_schedule_starts_one_run(database: Database) -> None:
    first = start(database, slot=SLOT)
    with database.write() as session:
        runs.cancel_run(session, first, "ana")
    with pytest.raises(TrainingRunActive):
        start(database, slot=SLOT)
    start(database)


def test_a_promoted_challenger_is_in_service_with_a_history(database: Database) -> None:
    old, new = add_version(database, "old", is_champion=True), add_version(database, "new")
    run_id = start(database)
    held = claim(database, run_id)
    snapshot(database, held, old)
    run = decide(database, held, new, is_promoted=True)
    assert (run.status, run.challenger_id, run.lane, run.reason) == (
        TrainingRunStatus.PROMOTED,
        new.id,
        None,
        "because",
    )
    assert run.finished_at is not None
    assert champion(database) == "new"
    with database.read() as session:
        assert model_versions.list_promotions(session)[0].actor == f"training_run:{run_id}"
        events = list_audit_events(session, AuditFilter(subject=f"training_run:{run_id}"))
    assert [event.action for event in events] == [
        "training_run.promoted", "training_run.running", "training_run.queued",
    ]  # fmt: skip


def test_a_rejected_challenger_is_kept_and_the_champion_stays(database: Database) -> None:
    old, new = add_version(database, "old", is_champion=True), add_version(database, "new")
    held = claim(database, start(database))
    snapshot(database, held, old)
    run = decide(database, held, new, is_promoted=False)
    assert (run.status, run.challenger_id) == (TrainingRunStatus.REJECTED, new.id)
    assert champion(database) == "old"


def test_a_champion_chosen_during_the_run_is_not_replaced(database: Database) -> None:
    old, new = add_version(database, "old", is_champion=True), add_version(database, "new")
    held = claim(database, start(database))
    snapshot(database, held, old)
    add_version(database, "chosen", is_champion=True)
    run = decide(database, held, new, is_promoted=True)
    assert run.status is TrainingRunStatus.REJECTED
    assert "wasn't compared" in str(run.reason)
    assert champion(database) == "chosen"


def test_the_end_of_a_run_names_its_challenger_in_the_log_of_changes(database: Database) -> None:
    old, new = add_version(database, "old", is_champion=True), add_version(database, "new")
    for is_promoted in (False, True):
        held = claim(database, start(database))
        snapshot(database, held, old)
        decide(database, held, new, is_promoted=is_promoted)
        with database.read() as session:
            ended, *earlier = list_audit_events(session, AuditFilter(subject=f"training_run:{held.run_id}"))
        assert ended.details == {"attempt": 1, "reason": "because", "challenger": new.number}
        assert not any("challenger" in event.details for event in earlier)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer at a time
def test_nobody_changes_the_champion_while_a_run_is_decided(database: Database) -> None:
    old, new = add_version(database, "old", is_champion=True), add_version(database, "new")
    held = claim(database, start(database))
    snapshot(database, held, old)
    is_champion = select(ModelAlias).where(ModelAlias.alias == CHAMPION).with_for_update(nowait=True)
    with database.write() as session:
        runs.decide_run(session, held, new, is_promoted=False, reason="because", gate=GATE)
        with database.write() as other, pytest.raises(OperationalError, match="could not obtain lock"):
            other.scalar(is_champion)


def test_progress_is_stored_as_it_happens(database: Database) -> None:
    run_id = start(database)
    held = claim(database, run_id)
    with database.write() as session:
        assert runs.renew_run(session, held, LEASE_S, RunProgress(epoch=3, loss=0.5)).is_held
        assert runs.renew_run(session, held, LEASE_S).is_held
    assert RunProgress.read(read(database, run_id).progress) == RunProgress(epoch=3, loss=0.5)


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


def test_a_waiting_run_is_canceled_at_once(database: Database) -> None:
    run_id = start(database)
    with database.write() as session:
        runs.cancel_run(session, run_id, "ben")
    run = read(database, run_id)
    assert (run.status, run.reason, run.lane) == (TrainingRunStatus.CANCELED, "canceled by ben", None)
    with pytest.raises(InvalidRunTransition):
        claim(database, run_id)
    with pytest.raises(InvalidRunTransition), database.write() as session:
        runs.cancel_run(session, run_id, "ben")


def test_a_running_run_hears_that_it_is_to_stop(database: Database) -> None:
    run_id = start(database)
    held = claim(database, run_id)
    with database.write() as session:
        runs.cancel_run(session, run_id, "ben")
    assert read(database, run_id).status is TrainingRunStatus.RUNNING
    with database.write() as session:
        pulse = runs.renew_run(session, held, LEASE_S)
        assert (pulse.is_held, pulse.canceled_by) == (True, "ben")
        assert runs.finish_cancel(session, held, "ben").status is TrainingRunStatus.CANCELED


@pytest.mark.parametrize("is_promoted", [True, False])
def test_a_run_that_was_asked_to_stop_is_not_decided(database: Database, is_promoted: bool) -> None:  # noqa: FBT001
    old, new = add_version(database, "old", is_champion=True), add_version(database, "new")
    held = claim(database, start(database))
    snapshot(database, held, old)
    with database.write() as session:
        runs.cancel_run(session, held.run_id, "ben")
    run = decide(database, held, new, is_promoted=is_promoted)
    assert (run.status, run.reason, run.challenger_id) == (TrainingRunStatus.CANCELED, "canceled by ben", new.id)
    assert champion(database) == "old"
    with database.read() as session:
        assert list_audit_events(session, AuditFilter(action="training_run.canceled"))[0].actor == "ben"


def test_a_silent_worker_loses_the_run_and_writes_nothing_afterwards(database: Database) -> None:
    old, new = add_version(database, "old", is_champion=True), add_version(database, "new")
    run_id = start(database)
    late = claim(database, run_id, lease_s=-1)
    with database.write() as session:
        (expired,) = sweeping.list_expired_runs(session)
        assert sweeping.take_back_run(session, expired, "sweeper").status is TrainingRunStatus.QUEUED
    claim(database, run_id)
    with database.write() as session:
        assert not runs.renew_run(session, late, LEASE_S, RunProgress(epoch=9)).is_held
    with pytest.raises(InvalidRunTransition):
        snapshot(database, late, old)
    with pytest.raises(InvalidRunTransition):
        decide(database, late, new, is_promoted=True)
    run = read(database, run_id)
    assert (run.status, run.attempt, run.progress) == (TrainingRunStatus.RUNNING, 2, None)
    assert champion(database) == "old"


def test_a_run_that_kills_workers_fails_after_its_last_attempt(database: Database) -> None:
    run_id = start(database)
    for _ in range(runs.MAX_ATTEMPTS):
        held = claim(database, run_id, lease_s=-1)
        with database.write() as session:
            sweeping.take_back_run(session, held, "sweeper")
    assert (read(database, run_id).status, read(database, run_id).error_code) == (
        TrainingRunStatus.FAILED, "worker_lost",
    )  # fmt: skip


def test_a_run_that_was_to_stop_is_not_started_again_when_its_worker_dies(database: Database) -> None:
    run_id = start(database)
    held = claim(database, run_id)
    with database.write() as session:
        runs.cancel_run(session, run_id, "ben")
        assert sweeping.expire_run_lease(session, run_id, lambda worker: worker == held.worker)
        sweeping.take_back_run(session, held, "sweeper")
    assert read(database, run_id).status is TrainingRunStatus.CANCELED


def test_a_living_workers_lease_on_a_run_is_left_alone(database: Database) -> None:
    run_id = start(database)
    claim(database, run_id)
    with database.write() as session:
        assert not sweeping.expire_run_lease(session, run_id, lambda _: False)
        assert sweeping.list_expired_runs(session) == []


def test_a_run_that_its_worker_gives_back_is_to_be_sent_and_has_lost_no_attempt(database: Database) -> None:
    run_id = start(database)
    for _ in range(runs.MAX_ATTEMPTS + 1):
        held = claim(database, run_id)
        with database.write() as session:
            sweeping.give_back_run(session, held, "w1")
            assert sweeping.list_waiting_runs(session, sent_before_s=60) == [run_id]
    held = claim(database, run_id, lease_s=-1)
    with database.write() as session:
        assert sweeping.take_back_run(session, held, "sweeper").status is TrainingRunStatus.QUEUED


def test_a_lease_that_was_renewed_is_not_taken_back(database: Database) -> None:
    held = claim(database, start(database), lease_s=-1)
    with database.write() as session:
        runs.renew_run(session, held, LEASE_S)
    with pytest.raises(InvalidRunTransition), database.write() as session:
        sweeping.take_back_run(session, held, "sweeper")


def test_a_run_whose_message_is_old_is_listed_for_another(database: Database) -> None:
    run_id = start(database)
    with database.write() as session:
        assert sweeping.list_waiting_runs(session, sent_before_s=5) == []
        session.execute(update(TrainingRun).values(sent_at=SLOT))
        assert sweeping.list_waiting_runs(session, sent_before_s=5) == [run_id]
        sweeping.record_run_sent(session, run_id)
        assert sweeping.list_waiting_runs(session, sent_before_s=5) == []


def test_runs_are_listed_newest_first_by_pages(database: Database) -> None:
    made = []
    for _ in range(3):
        made.append(start(database))
        with database.write() as session:
            runs.cancel_run(session, made[-1], "ana")
    with database.read() as session:
        assert [run.id for run in runs.list_runs(session, limit=2)] == made[:0:-1]
        assert [run.id for run in runs.list_runs(session, before=made[1])] == made[:1]
        assert runs.get_active_run(session) is None


def test_an_unknown_run_is_said_to_be_unknown(database: Database) -> None:
    with database.read() as session, pytest.raises(UnknownTrainingRun):
        runs.get_run(session, uuid4())


def test_corrections_are_faces_whose_label_is_an_emotion(database: Database, analyses: "Analyses") -> None:
    faces = analyses.store(*[(Emotion.HAPPY, 0.6)] * 4, crop=b"\x01" * 2304, box=(0, 0, 60, 80)).face_ids
    with database.write() as session:
        for face_id, choice in zip(
            faces, (VoteChoice.SAD, VoteChoice.NOT_A_FACE, VoteChoice.AMBIGUOUS, VoteChoice.SKIP), strict=True
        ):
            cast_vote(session, face_id, "ana", choice)
    with database.read() as session:
        (found,) = list_corrections(session, limit=10)
    assert (found.emotion, found.crop, found.face_px, found.vote_count) == (Emotion.SAD, b"\x01" * 2304, 60, 1)


def test_the_latest_labels_are_offered_first(database: Database, analyses: "Analyses") -> None:
    faces = analyses.store(*[(Emotion.HAPPY, 0.6)] * 3).face_ids
    for face_id, choice in zip(faces, (VoteChoice.SAD, VoteChoice.ANGRY, VoteChoice.HAPPY), strict=True):
        with database.write() as session:
            cast_vote(session, face_id, "ana", choice)
    with database.write() as session:
        found = list_corrections(session, limit=2)
        assert [each.emotion for each in found] == [Emotion.HAPPY, Emotion.ANGRY]
        assert [each.emotion for each in list_corrections(session, limit=2, after=found[-1])] == [Emotion.SAD]
        session.execute(update(ReviewSubject).values(labeled_at=utcnow()))
        first, second, third = list_corrections(session, limit=3)
        assert list_corrections(session, limit=3, after=first) == [second, third]


def test_faces_of_the_random_slice_teach_nothing(database: Database, analyses: "Analyses") -> None:
    drawn, other = analyses.store(*[(Emotion.HAPPY, 0.6)] * 2).face_ids
    with database.write() as session:
        session.get_one(ReviewItem, drawn).slice = ReviewSlice.RANDOM
        cast_vote(session, drawn, "ana", VoteChoice.SAD)
        cast_vote(session, other, "ana", VoteChoice.ANGRY)
    with database.read() as session:
        assert [found.emotion for found in list_corrections(session, limit=9)] == [Emotion.ANGRY]


def test_a_runs_corrections_keep_the_label_they_had_and_go_with_their_photo(
    database: Database, analyses: "Analyses"
) -> None:
    stored = analyses.store((Emotion.HAPPY, 0.6), (Emotion.HAPPY, 0.7))
    other = analyses.store((Emotion.HAPPY, 0.6))
    run_id = start(database)
    with database.write() as session:
        for face_id in (*stored.face_ids, *other.face_ids):
            cast_vote(session, face_id, "ana", VoteChoice.SAD)
        considered = list_corrections(session, limit=10)
        refusals = iter(("too_small", None, None))
        run_corrections = [RunCorrection(found.subject_id, found.emotion, next(refusals)) for found in considered]
        record_corrections(session, run_id, run_corrections)
        record_corrections(session, run_id, run_corrections)
    with database.write() as session:
        cast_vote(session, other.face_ids[0], "ana", VoteChoice.ANGRY)
    with database.read() as session:
        assert count_corrections(session, run_id) == {"used": 2, "too_small": 1}
        assert [found.emotion for found in list_used(session, run_id)] == [Emotion.SAD] * 2
    for job_id in (stored.job_id, other.job_id):
        with database.write() as session:
            erase_job(session, job_id)
    with database.read() as session:
        assert (count_corrections(session, run_id), list_used(session, run_id)) == ({}, [])
    assert read(database, run_id).created_at < utcnow()


def test_a_run_that_lacked_a_part_of_the_service_is_tried_again_until_its_attempts_are_used_up(
    database: Database,
) -> None:
    run_id = start(database)
    attempts = read(database, run_id).max_attempts
    for attempt in range(1, attempts + 1):
        held = claim(database, run_id)
        with database.write() as session:
            run = sweeping.retry_run(session, held, "w1", "blob_store_unavailable", "the store is away")
        assert run.attempt == attempt
        if attempt < attempts:
            assert (run.status, run.worker) == (TrainingRunStatus.QUEUED, None)
    assert (run.status, run.error_code) == (TrainingRunStatus.FAILED, "blob_store_unavailable")
    assert run.error_detail == f"gave up after {attempts} attempts: the store is away"


def test_a_run_that_was_to_be_stopped_is_not_tried_again(database: Database) -> None:
    run_id = start(database)
    held = claim(database, run_id)
    with database.write() as session:
        runs.cancel_run(session, run_id, "ben")
        run = sweeping.retry_run(session, held, "w1", "blob_store_unavailable", "the store is away")
    assert (run.status, run.reason) == (TrainingRunStatus.CANCELED, "canceled by ben")
