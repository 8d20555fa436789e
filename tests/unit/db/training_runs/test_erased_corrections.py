from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from db.core.session import Database
from db.core.vocabulary import Emotion, VoteChoice
from db.reviews.actions import cast_vote
from db.reviews.tables import ReviewSubject
from db.training_runs.corrections import RunCorrection, list_corrections
from db.training_runs.erased_corrections import drop_erased
from tests.support.factories.analyses import Analyses


def make_run_corrections(database: Database, analyses: Analyses) -> list[RunCorrection]:
    for face_id in analyses.store(*[(Emotion.HAPPY, 0.6)] * 2).face_ids:
        with database.write() as session:
            cast_vote(session, face_id, "ana", VoteChoice.SAD)
    with database.read() as session:
        return [RunCorrection(found.subject_id, found.emotion, None) for found in list_corrections(session, limit=10)]


def test_offers_of_erased_faces_are_left_out(database: Database, analyses: Analyses) -> None:
    first, second = make_run_corrections(database, analyses)
    with database.write() as session:
        assert drop_erased(session, [first, RunCorrection(uuid4(), Emotion.SAD, None), second]) == [first, second]
        assert drop_erased(session, []) == []


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer at a time
def test_what_is_kept_cannot_be_erased_before_it_is_written_down(database: Database, analyses: Analyses) -> None:
    run_corrections = make_run_corrections(database, analyses)
    with database.write() as session:
        drop_erased(session, run_corrections)
        with database.write() as other, pytest.raises(OperationalError, match="could not obtain lock"):
            other.scalars(select(ReviewSubject.id).with_for_update(nowait=True)).all()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer at a time
def test_what_an_erasure_holds_is_not_waited_for(database: Database, analyses: Analyses) -> None:
    first, second = make_run_corrections(database, analyses)
    with database.write() as erasing:
        erasing.delete(erasing.get_one(ReviewSubject, first.subject_id))
        erasing.flush()
        with database.write() as session:
            assert drop_erased(session, [first, second]) == [second]
