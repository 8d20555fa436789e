from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event

from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import ReviewSlice
from db.jobs.tables import Job
from db.reviews.filter import ReviewFilter
from db.reviews.queue import count_waiting, take_faces
from tests.support.factories.analyses import Analyses
from tests.support.reviewing import HAPPY, SAD, set_slice, take


def test_filters_that_look_at_the_answer_leave_the_random_slice_alone(database: Database, analyses: Analyses) -> None:
    faces = analyses.store((SAD, 0.6), (SAD, 0.7)).face_ids
    set_slice(database, ReviewSlice.RANDOM, faces[0])
    set_slice(database, ReviewSlice.UNCERTAIN, faces[1])
    assert take(database, wanted=ReviewFilter(emotion=SAD), limit=2, random_share=1.0) == [faces[1]]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (ReviewFilter(emotion=SAD), {1}),
        (ReviewFilter(min_confidence=0.65), {0, 2}),
        (ReviewFilter(max_confidence=0.65), {1}),
        (ReviewFilter(min_confidence=0.65, max_confidence=0.75), {2}),
        (ReviewFilter(min_face_px=50), {0, 1}),
        (ReviewFilter(max_face_px=50), {2}),
        (ReviewFilter(model_version=2), {2}),
        (ReviewFilter(created_from=utcnow() - timedelta(hours=1)), {0, 1, 2}),
        (ReviewFilter(created_before=utcnow() - timedelta(hours=1)), set()),
        (ReviewFilter(emotion=SAD, model_version=2), set()),
    ],
)
def test_each_filter_keeps_what_it_says(
    database: Database, analyses: Analyses, wanted: ReviewFilter, expected: set[int]
) -> None:
    faces = analyses.store((HAPPY, 0.9), (SAD, 0.6)).face_ids
    faces += analyses.store((HAPPY, 0.7), version="second", box=(0, 0, 40, 80)).face_ids
    set_slice(database, ReviewSlice.UNCERTAIN)
    with database.read() as session:
        assert count_waiting(session, wanted) == len(expected)
    assert {faces.index(face_id) for face_id in take(database, wanted=wanted, limit=9)} == expected


def test_of_an_application_the_newest_jobs_are_looked_through_until_they_hold_enough_faces(
    database: Database, analyses: Analyses, monkeypatch: pytest.MonkeyPatch
) -> None:
    oldest, empty, middle, newest = (
        analyses.store(*[(SAD, 0.6)] * count, application="shop") for count in (1, 0, 3, 2)
    )
    analyses.store((SAD, 0.6), application="kiosk")
    set_slice(database, ReviewSlice.UNCERTAIN)
    with database.read() as session:
        application_id = session.get_one(Job, empty.job_id).application_id
    wanted = ReviewFilter(application_id=application_id)

    def find() -> set[UUID]:
        with database.read() as session:
            count = count_waiting(session, wanted)
        found = set(take(database, wanted=wanted, limit=9))
        assert len(found) == count
        return found

    every = {*oldest.face_ids, *middle.face_ids, *newest.face_ids}
    assert find() == every
    for faces, expected in ((2, newest.face_ids), (3, newest.face_ids + middle.face_ids), (6, every)):
        monkeypatch.setattr("db.reviews.filter.NEWEST_FACES", faces)
        assert find() == set(expected), faces
    monkeypatch.setattr("db.reviews.filter.NEWEST_JOBS", 3)
    assert find() == every - set(oldest.face_ids)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_sqlite_looks_named_faces_up_by_their_key(database: Database, analyses: Analyses) -> None:
    photo = analyses.store((SAD, 0.6))
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_rest: object) -> None:
        asked.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    with database.read() as session:
        job = session.get_one(Job, photo.job_id)
        for wanted in (
            ReviewFilter(application_id=job.application_id),
            ReviewFilter(batch_id=photo.job_id),
            ReviewFilter(job_id=photo.job_id),
            ReviewFilter(face_ids=tuple(photo.face_ids), emotion=SAD),
        ):
            asked.clear()
            count_waiting(session, wanted)
            take_faces(session, "ana", wanted)
            for statement, parameters in tuple(asked):
                rows = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                plan = [row.detail for row in rows if "review_items" in row.detail]
                assert all("(face_id=?)" in step for step in plan), plan
    event.remove(database.engine, "before_cursor_execute", note)
