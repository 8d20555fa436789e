"""Where labels come from: one entry is all that a source needs."""

from uuid import UUID

import pytest
from sqlalchemy import true

from db.core.session import Database
from db.core.vocabulary import Emotion, ReviewSlice, VoteChoice
from db.reviews.actions import cast_vote
from db.reviews.tables import ReviewItem, ReviewSubject
from db.training_runs import label_sources
from db.training_runs.corrections import count_reviewed, list_corrections, list_reviewed
from db.training_runs.label_sources import LabelSource, LabelUse
from tests.support.factories.analyses import Analyses


@pytest.fixture
def drawn(database: Database, analyses: Analyses) -> UUID:
    """A face of the random slice that was voted sad blindly: no training row by the project's own sources."""
    (face_id,) = analyses.store((Emotion.HAPPY, 0.6)).face_ids
    with database.write() as session:
        session.get_one(ReviewItem, face_id).slice = ReviewSlice.RANDOM
        cast_vote(session, face_id, "ana", VoteChoice.SAD)
    return face_id


def add_source(monkeypatch: pytest.MonkeyPatch, source: LabelSource, *, first: bool = False) -> None:
    others = label_sources.LABEL_SOURCES
    monkeypatch.setattr(label_sources, "LABEL_SOURCES", (source, *others) if first else (*others, source))


@pytest.mark.parametrize("use", LabelUse)
def test_an_entry_is_all_that_a_source_needs(
    use: LabelUse, database: Database, drawn: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.read() as session:
        assert list_corrections(session, limit=9) == list_reviewed(session, limit=9) == []
    add_source(monkeypatch, LabelSource("any", use, ReviewSubject.label, true))
    with database.read() as session:
        found = {
            LabelUse.TRAINING: list_corrections(session, limit=9),
            LabelUse.COMPARISON: list_reviewed(session, limit=9),
        }
        assert count_reviewed(session) == len(found[LabelUse.COMPARISON])
    assert [each.emotion for each in found.pop(use)] == [Emotion.SAD]
    assert list(found.values()) == [[]]


def test_the_first_source_of_a_use_says_the_label(
    database: Database, analyses: Analyses, monkeypatch: pytest.MonkeyPatch
) -> None:
    (face_id,) = analyses.store((Emotion.HAPPY, 0.6)).face_ids
    with database.write() as session:
        cast_vote(session, face_id, "ana", VoteChoice.SAD)
        subject = session.get_one(ReviewItem, face_id).subject_id
        session.get_one(ReviewSubject, subject).blind_label = VoteChoice.ANGRY
    blind = LabelSource("blind", LabelUse.TRAINING, ReviewSubject.blind_label, true)
    for first, emotion in ((False, Emotion.SAD), (True, Emotion.ANGRY)):
        with monkeypatch.context() as patch, database.read() as session:
            add_source(patch, blind, first=first)
            assert [each.emotion for each in list_corrections(session, limit=9)] == [emotion]


def test_no_label_serves_training_and_comparison(database: Database, analyses: Analyses) -> None:
    faces = analyses.store(*[(Emotion.HAPPY, 0.6)] * 4).face_ids
    with database.write() as session:
        for face_id, is_random in zip(faces, (True, True, False, False), strict=True):
            if is_random:
                session.get_one(ReviewItem, face_id).slice = ReviewSlice.RANDOM
            cast_vote(session, face_id, "ana", VoteChoice.SAD)
    with database.read() as session:
        training = {each.subject_id for each in list_corrections(session, limit=9)}
        assert len(training) == 2
        assert training.isdisjoint(each.subject_id for each in list_reviewed(session, limit=9))
