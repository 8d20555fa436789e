from uuid import UUID

import pytest
from sqlalchemy import update

from db.core.session import Database
from db.core.vocabulary import Emotion, ReviewSlice, TrainingTrigger, VoteChoice
from db.model_versions import shadow
from db.model_versions.shadow_comparison import compare_live, count_shadow_predictions
from db.model_versions.tables import ModelVersion
from db.reviews.actions import cast_vote
from db.reviews.tables import ReviewItem, ReviewVote
from db.training_runs import lifecycle as training_runs
from db.training_runs.corrections import RunCorrection, record_corrections
from tests.support.factories.actors import ANA
from tests.support.factories.analyses import Analyses
from tests.support.factories.faces import spread


def judge(
    database: Database, analyses: Analyses, versions: tuple[ModelVersion, ModelVersion], *emotions: Emotion
) -> None:
    """Store a photo of two faces, happy and sad by the champion, and what the challenger says of them."""
    photo = analyses.store((Emotion.HAPPY, 0.8), (Emotion.SAD, 0.7))
    answers = {face_id: spread(emotion, 0.6) for face_id, emotion in zip(photo.face_ids, emotions, strict=True)}
    with database.write() as session:
        shadow.add_shadow_predictions(session, versions[1].id, answers)


def draw_and_vote(database: Database, face_id: UUID, choice: VoteChoice) -> ReviewVote:
    """Vote on a face of the random slice whose turn has come."""
    with database.write() as session:
        item = session.get_one(ReviewItem, face_id)
        item.slice, item.reserved_by = ReviewSlice.RANDOM, "ben"
        return cast_vote(session, face_id, "ben", choice)


def test_differences_are_counted_and_listed_with_who_was_right(
    database: Database, analyses: Analyses, versions: tuple[ModelVersion, ModelVersion]
) -> None:
    judge(database, analyses, versions, Emotion.HAPPY, Emotion.ANGRY)
    judge(database, analyses, versions, Emotion.FEARFUL, Emotion.SAD)
    first, second = versions
    with database.read() as session:
        before = compare_live(session, first, second, limit=10)
    assert (before.shared, before.same, before.first_right, before.second_right) == (4, 2, 0, 0)
    assert [(each.first, each.second, each.label) for each in before.differences] == [
        (Emotion.HAPPY, Emotion.FEARFUL, None),
        (Emotion.SAD, Emotion.ANGRY, None),
    ]
    for difference, choice in zip(before.differences, (VoteChoice.FEARFUL, VoteChoice.SAD), strict=True):
        draw_and_vote(database, difference.face_id, choice)
    with database.read() as session:
        after = compare_live(session, first, second, limit=1)
        other_way = compare_live(session, second, first, limit=10)
        assert count_shadow_predictions(session, second.id, first.id).shared == 0
    assert (after.first_right, after.second_right, len(after.differences)) == (1, 1, 1)
    assert (other_way.shared, other_way.same, other_way.first_right, other_way.second_right) == (4, 2, 1, 1)
    assert (other_way.differences[0].first, other_way.differences[0].second) == (Emotion.FEARFUL, Emotion.HAPPY)
    assert other_way.differences[0].first_confidence == pytest.approx(0.6)
    assert other_way.differences[0].second_confidence == pytest.approx(0.8)


def test_a_face_that_nobody_drew_by_chance_does_not_tell_which_was_right(
    database: Database, analyses: Analyses, versions: tuple[ModelVersion, ModelVersion]
) -> None:
    judge(database, analyses, versions, Emotion.ANGRY, Emotion.ANGRY)
    first, second = versions
    with database.read() as session:
        chosen, drawn = (each.face_id for each in compare_live(session, first, second, limit=10).differences)
    with database.write() as session:
        session.get_one(ReviewItem, drawn).slice = ReviewSlice.RANDOM
        for face_id in (chosen, drawn):
            cast_vote(session, face_id, "ana", VoteChoice.ANGRY)
    with database.read() as session:
        found = compare_live(session, first, second, limit=10)
    assert (found.first_right, found.second_right, found.p_value) == (0, 0, None)
    assert {each.label for each in found.differences} == {VoteChoice.ANGRY}
    draw_and_vote(database, drawn, VoteChoice.ANGRY)
    with database.read() as session:
        found = compare_live(session, first, second, limit=10)
    assert (found.first_right, found.second_right, found.p_value) == (0, 1, 1.0)


def test_a_photo_that_came_again_tells_once_which_was_right(
    database: Database, analyses: Analyses, versions: tuple[ModelVersion, ModelVersion]
) -> None:
    first, second = versions
    for judged, shadowed in (
        (Emotion.HAPPY, Emotion.SAD),
        (Emotion.HAPPY, Emotion.ANGRY),
        (Emotion.SAD, Emotion.ANGRY),
    ):
        photo = analyses.store((judged, 0.8), photo="a" * 64, version="first")
        with database.write() as session:
            shadow.add_shadow_predictions(session, second.id, {photo.face_ids[0]: spread(shadowed, 0.6)})
    draw_and_vote(database, photo.face_ids[0], VoteChoice.SAD)
    with database.write() as session:
        session.execute(update(ReviewItem).values(slice=ReviewSlice.RANDOM))
    with database.read() as session:
        found = compare_live(session, first, second, limit=10)
    assert (found.shared, found.first_right, found.second_right) == (3, 1, 0)


def test_a_label_that_taught_does_not_tell_which_was_right(
    database: Database, analyses: Analyses, versions: tuple[ModelVersion, ModelVersion]
) -> None:
    judge(database, analyses, versions, Emotion.HAPPY, Emotion.ANGRY)
    first, second = versions
    with database.read() as session:
        [difference] = compare_live(session, first, second, limit=10).differences
    vote = draw_and_vote(database, difference.face_id, VoteChoice.ANGRY)
    with database.read() as session:
        assert compare_live(session, first, second, limit=10).second_right == 1
    with database.write() as session:
        run = training_runs.create_run(session, TrainingTrigger.COMMAND, ANA)
        record_corrections(session, run.id, [RunCorrection(vote.subject_id, Emotion.ANGRY, None)])
    with database.read() as session:
        found = compare_live(session, first, second, limit=10)
    assert (found.second_right, len(found.differences)) == (0, 1)
