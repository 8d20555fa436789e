"""Random sequences of actions on votes, on both databases.

Reviewers vote, change their mind and undo; photos are analysed again, and their jobs erased. A face's label is always the choice
of most of its current votes, and undoing a vote restores the one that it replaced.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule
from sqlalchemy import func, select

from db.core.session import Database
from db.core.vocabulary import Emotion, VoteChoice
from db.jobs.erasure import erase_job
from db.reviews.actions import UnknownFace, cast_vote, get_votes, undo_votes
from db.reviews.queue import release_faces, take_faces
from db.reviews.subjects import count_wanted, find_labels
from db.reviews.tables import ReviewItem, ReviewSubject, ReviewVote
from tests.stateful.machines import TIMEOUT_S, refused_unless, run_machine
from tests.support.databases import empty_tables
from tests.support.factories.actors import ANA
from tests.support.factories.analyses import Analyses, StoredPhoto

REVIEWERS = st.sampled_from(("ana", "ben", "eva"))
CHOICES = st.sampled_from((VoteChoice.HAPPY, VoteChoice.SAD, VoteChoice.SKIP, VoteChoice.NOT_A_FACE))
PHOTOS = ("a" * 64, "b" * 64)

Subject = tuple[str, int]
"""A photo's SHA-256 and the place of a face in it."""


@dataclass(frozen=True)
class Analysis:
    """A stored analysis of one of the photos."""

    photo: str
    stored: StoredPhoto


@dataclass
class Ballot:
    """The votes of one reviewer on one face, the standing one last."""

    standing: list[tuple[UUID, VoteChoice]] = field(default_factory=list)


class ReviewMachine(RuleBasedStateMachine):
    """The rules are what reviewers, applications and workers may do at any moment."""

    analyses = Bundle("analyses")
    votes = Bundle("votes")

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database
        empty_tables(database)
        self.storing = Analyses(database)
        self.stored: dict[UUID, Analysis] = {}
        self.ballots: dict[Subject, dict[str, Ballot]] = {}

    @rule(target=analyses, photo=st.sampled_from(PHOTOS), faces=st.integers(1, 2))
    def analyze(self, photo: str, faces: int) -> Analysis:
        answers = ((Emotion.HAPPY, 0.6), (Emotion.SAD, 0.9))[:faces]
        analysis = Analysis(photo, self.storing.store(*answers, photo=photo))
        self.stored[analysis.stored.job_id] = analysis
        return analysis

    @rule(analysis=consumes(analyses))
    def erase(self, analysis: Analysis) -> None:
        with self.database.write() as session:
            assert erase_job(session, analysis.stored.job_id)
        del self.stored[analysis.stored.job_id]
        left = {(each.photo, place) for each in self.stored.values() for place in range(len(each.stored.face_ids))}
        self.ballots = {subject: ballots for subject, ballots in self.ballots.items() if subject in left}

    @rule(target=votes, analysis=analyses, place=st.integers(0, 1), reviewer=REVIEWERS, choice=CHOICES)
    def vote(self, analysis: Analysis, place: int, reviewer: str, choice: VoteChoice) -> Any:
        place = min(place, len(analysis.stored.face_ids) - 1)
        with self.database.write() as session:
            vote_id = cast_vote(session, analysis.stored.face_ids[place], reviewer, choice).id
        ballots = self.ballots.setdefault((analysis.photo, place), {})
        ballots.setdefault(reviewer, Ballot()).standing.append((vote_id, choice))
        return vote_id

    @rule(reviewer=REVIEWERS, choice=CHOICES, count=st.integers(1, 2))
    def vote_from_the_queue(self, reviewer: str, choice: VoteChoice, count: int) -> None:
        """No face comes up that the reviewer has judged, nor one that another has in hand."""
        with self.database.write() as session:
            taken = take_faces(session, reviewer, limit=count)
            face_ids = [item.face_id for item in taken]
            assert all(item.closed_at is None and item.reserved_by == reviewer for item in taken)
        for face_id in face_ids[:1]:
            analysis = next(each for each in self.stored.values() if face_id in each.stored.face_ids)
            self.vote(analysis, analysis.stored.face_ids.index(face_id), reviewer, choice)

    @rule(reviewer=REVIEWERS)
    def leave(self, reviewer: str) -> None:
        with self.database.write() as session:
            release_faces(session, reviewer)

    @rule(vote_id=votes, choice=CHOICES)
    def vote_on_an_erased_face(self, vote_id: UUID, choice: VoteChoice) -> None:
        with refused_unless(False, UnknownFace), self.database.write() as session:  # noqa: FBT003
            cast_vote(session, vote_id, "ana", choice)  # no face has the id of a vote

    @rule(vote_ids=st.lists(votes, min_size=1, max_size=3, unique=True))
    def undo(self, vote_ids: list[UUID]) -> None:
        with self.database.write() as session:
            undone = undo_votes(session, get_votes(session, vote_ids), ANA)
        count = 0
        for vote_id in sorted(vote_ids, reverse=True):  # newest first, as ids sort by time
            for ballot in [ballot for ballots in self.ballots.values() for ballot in ballots.values()]:
                if ballot.standing and ballot.standing[-1][0] == vote_id:
                    ballot.standing.pop()
                    count += 1
        assert undone == count

    @invariant()
    def labels_are_what_most_standing_votes_say(self) -> None:
        with self.database.read() as session:
            subjects = session.scalars(select(ReviewSubject)).all()
            standing = session.scalars(select(ReviewVote).where(ReviewVote.withdrawn_at.is_(None))).all()
            items = {item.face_id: item for item in session.scalars(select(ReviewItem))}
        found = {(subject.photo_sha256, (subject.x - 10) // 100): subject for subject in subjects}
        assert found.keys() == self.ballots.keys()
        assert len(found) == len(subjects), "one face, one subject"
        for key, ballots in self.ballots.items():
            subject = found[key]
            wanted = {name: ballot.standing[-1] for name, ballot in ballots.items() if ballot.standing}
            votes = {vote.reviewer: (vote.id, vote.choice) for vote in standing if vote.subject_id == subject.id}
            assert votes == wanted
            counted = Counter(choice for _, choice in wanted.values() if choice is not VoteChoice.SKIP)
            ranking = [*counted.most_common(2), (None, 0), (None, 0)]
            label = ranking[0][0] if ranking[0][1] > ranking[1][1] else None
            assert (subject.label, subject.vote_count) == (label, counted.total())
        self.check_places(items, found)

    def check_places(self, items: dict[UUID, ReviewItem], subjects: dict[Subject, ReviewSubject]) -> None:
        places = {
            face_id: (each.photo, place)
            for each in self.stored.values()
            for place, face_id in enumerate(each.stored.face_ids)
        }
        assert items.keys() == places.keys()
        for face_id, item in items.items():
            subject = subjects.get(places[face_id])
            assert item.subject_id == (subject.id if subject else None)
            is_settled = (
                subject is not None
                and subject.label is not None
                and subject.vote_count >= count_wanted(item, 1)
                and (item.slice != "random" or subject.drawn_at is not None)
            )
            assert (item.closed_at is not None) == is_settled, (item.slice, item.votes_wanted)
        with self.database.read() as session:
            labels = find_labels(session, items)
        expected = {face_id: subjects[place].label for face_id, place in places.items() if place in subjects}
        assert labels == {face_id: label for face_id, label in expected.items() if label is not None}

    def teardown(self) -> None:
        """Nothing of a photo is left once its last job is erased."""
        for analysis in list(self.stored.values()):
            self.erase(analysis)
        with self.database.read() as session:
            for table in (ReviewSubject, ReviewVote, ReviewItem):
                assert session.scalar(select(func.count()).select_from(table)) == 0


@pytest.mark.timeout(TIMEOUT_S)
def test_labels_follow_from_standing_votes_whatever_happens(database: Database) -> None:
    run_machine(lambda: ReviewMachine(database))
