"""Activity of reviewers."""

from datetime import timedelta
from uuid import UUID

from db.core.actors import Actor
from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import Emotion, ReviewSlice, VoteChoice
from db.reviews.actions import list_votes, undo_votes
from db.reviews.progress import ReviewerProgress, list_progress
from db.reviews.tables import ReviewVote
from tests.support.factories.analyses import Analyses
from tests.support.reviewing import set_slice, take, vote

HAPPY = (Emotion.HAPPY, 0.6)
DAY = timedelta(days=1)


def read(database: Database) -> dict[str, ReviewerProgress]:
    """Of the last hour; the day began an hour ago too."""
    since = utcnow() - timedelta(hours=1)
    with database.read() as session:
        return {row.reviewer: row for row in list_progress(session, since=since, today=since)}


def test_most_votes_come_first_and_names_decide_among_equals(database: Database, analyses: Analyses) -> None:
    first, second = analyses.store(HAPPY, HAPPY).face_ids
    for reviewer, faces in (("cid", [first]), ("ana", [first]), ("ben", [first, second])):
        for face_id in faces:
            vote(database, face_id, reviewer)
    assert list(read(database)) == ["ben", "ana", "cid"]


def test_a_reviewer_agrees_where_the_label_that_others_voted_on_too_is_theirs(
    database: Database, analyses: Analyses
) -> None:
    agreed, alone, tied, skipped = analyses.store(*[HAPPY] * 4).face_ids
    for reviewer, choice in (("ana", VoteChoice.SAD), ("ben", VoteChoice.HAPPY), ("cid", VoteChoice.SAD)):
        vote(database, agreed, reviewer, choice)
    vote(database, alone, "ana")
    vote(database, tied, "ana", VoteChoice.SAD)
    vote(database, tied, "ben", VoteChoice.HAPPY)
    for reviewer, choice in (("ana", VoteChoice.SAD), ("ben", VoteChoice.SKIP), ("cid", VoteChoice.SAD)):
        vote(database, skipped, reviewer, choice)
    rows = read(database)
    counted = {name: (row.votes, row.skips, row.shared, row.agreed) for name, row in rows.items()}
    assert counted == {"ana": (4, 0, 2, 2), "ben": (3, 1, 1, 0), "cid": (2, 0, 2, 2)}


def test_votes_that_no_longer_stand_are_not_counted(database: Database, analyses: Analyses) -> None:
    (face_id,) = analyses.store(HAPPY).face_ids
    vote(database, face_id, "ana", VoteChoice.SAD)
    vote(database, face_id, "ana", VoteChoice.HAPPY)
    assert read(database)["ana"].votes == 1
    with database.write() as session:
        undo_votes(session, list_votes(session), Actor.user("ana"))
        undo_votes(session, list_votes(session), Actor.user("ana"))
    assert read(database) == {}


def test_the_period_is_that_of_the_votes_and_the_day_a_part_of_it(database: Database, analyses: Analyses) -> None:
    (face_id,) = analyses.store(HAPPY).face_ids
    vote(database, face_id, "ana")
    now = utcnow()
    with database.read() as session:
        at = session.query(ReviewVote.at).scalar()
        for since, today, expected in (
            (now - DAY, now - DAY, [(1, 1, at)]),
            (now - DAY, now + DAY, [(1, 0, at)]),
            (now + DAY, now + DAY, []),
        ):
            rows = list_progress(session, since=since, today=today)
            assert [(row.votes, row.today, row.latest_at) for row in rows] == expected


def test_blind_votes_are_counted_by_themselves(database: Database, analyses: Analyses) -> None:
    def count_blind(face_id: UUID) -> int:
        vote(database, face_id)
        return read(database)["ana"].blind

    blind, seen = analyses.store(HAPPY, HAPPY).face_ids
    set_slice(database, ReviewSlice.RANDOM, blind)
    set_slice(database, ReviewSlice.UNCERTAIN, seen)
    assert set(take(database, limit=2)) == {blind, seen}
    assert [count_blind(face_id) for face_id in (seen, blind)] == [0, 1]
