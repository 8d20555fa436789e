"""Example faces of each emotion."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import update

from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import Emotion, VoteChoice
from db.reviews.actions import cast_vote
from db.reviews.examples import list_examples
from db.reviews.tables import ReviewItem, ReviewSubject
from tests.support.factories.analyses import Analyses

HAPPY = (Emotion.HAPPY, 0.6)


def label(database: Database, face_id: UUID, choice: VoteChoice, voters: int = 1, *, days_ago: float = 0) -> None:
    """Let that many reviewers agree on a face. The last vote was that long ago."""
    with database.write() as session:
        for number in range(voters):
            cast_vote(session, face_id, f"reviewer {number}", choice)
        subject_id = session.get_one(ReviewItem, face_id).subject_id
        labeled_at = utcnow() - timedelta(days=days_ago)
        session.execute(update(ReviewSubject).where(ReviewSubject.id == subject_id).values(labeled_at=labeled_at))


def find(database: Database, **options: int) -> dict[Emotion, list[UUID]]:
    with database.read() as session:
        return list_examples(session, **options)


def test_what_several_reviewers_gave_comes_first_then_the_newest(database: Database, analyses: Analyses) -> None:
    old, new, agreed, agreed_by_more = analyses.store(*[HAPPY] * 4).face_ids
    label(database, old, VoteChoice.SAD, days_ago=2)
    label(database, new, VoteChoice.SAD, days_ago=1)
    label(database, agreed, VoteChoice.SAD, 2, days_ago=3)
    label(database, agreed_by_more, VoteChoice.SAD, 3, days_ago=4)  # two are several, and then the newer one is shown
    assert find(database) == {Emotion.SAD: [agreed, agreed_by_more, new, old]}
    assert find(database, each=2) == {Emotion.SAD: [agreed, agreed_by_more]}


def test_each_emotion_has_its_own_and_no_other_label_is_an_example(database: Database, analyses: Analyses) -> None:
    sad, happy, no_face, ambiguous, open_ = analyses.store(*[HAPPY] * 5).face_ids
    label(database, sad, VoteChoice.SAD)
    label(database, happy, VoteChoice.HAPPY)
    label(database, no_face, VoteChoice.NOT_A_FACE)
    label(database, ambiguous, VoteChoice.AMBIGUOUS)
    label(database, open_, VoteChoice.SKIP)
    assert find(database, each=1) == {Emotion.SAD: [sad], Emotion.HAPPY: [happy]}


def test_a_face_of_several_analyses_is_one_example(database: Database, analyses: Analyses) -> None:
    first, again = (analyses.store(HAPPY, photo="a" * 64).face_ids[0] for _ in range(2))
    label(database, first, VoteChoice.SAD)
    [shown] = find(database)[Emotion.SAD]
    assert shown in {first, again}


def test_no_more_labels_are_looked_through_than_a_page_can_wait_for(database: Database, analyses: Analyses) -> None:
    old, new = analyses.store(HAPPY, HAPPY).face_ids
    label(database, old, VoteChoice.SAD, 2, days_ago=1)
    label(database, new, VoteChoice.HAPPY)
    assert find(database, newest=1) == {Emotion.HAPPY: [new]}
