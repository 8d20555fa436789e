"""Reports of missed faces and wrong boxes."""

from typing import Any

import pytest

from db.accounts.audit_log import AuditFilter, list_audit_events
from db.core.session import Database
from db.core.vocabulary import Emotion, ReportKind
from db.jobs.erasure import erase_job
from db.jobs.tables import Job
from db.reviews import reports as module
from db.reviews.reports import MOST_NOTE_CHARACTERS, InvalidReport, create_report, list_reports
from db.reviews.tables import FaceReport
from tests.support.factories.actors import ANA
from tests.support.factories.analyses import Analyses, StoredPhoto

HAPPY = (Emotion.HAPPY, 0.6)
WIDTH = HEIGHT = 1000
"""Of the stored photos, in pixels."""


def report(
    database: Database, photo: StoredPhoto, kind: ReportKind = ReportKind.MISSED_FACE, **said: Any
) -> FaceReport:
    with database.write() as session:
        return create_report(session, session.get_one(Job, photo.job_id), kind, ANA, **said)


def read(database: Database, photo: StoredPhoto) -> list[FaceReport]:
    with database.read() as session:
        return list(list_reports(session, photo.job_id))


def test_reports_are_kept_in_order_and_logged_and_go_with_the_job(database: Database, analyses: Analyses) -> None:
    photo, other = analyses.store(HAPPY), analyses.store(HAPPY)
    report(database, photo, box=(900, 900, 100, 100), note=" behind ")
    report(database, photo, ReportKind.WRONG_BOX, face_id=photo.face_ids[0])
    report(database, other)
    assert [(each.kind, each.face_id, each.note, each.actor) for each in read(database, photo)] == [
        (ReportKind.MISSED_FACE, None, "behind", ANA),
        (ReportKind.WRONG_BOX, photo.face_ids[0], "", ANA),
    ]
    first, second = read(database, photo)
    assert (first.x, first.y, first.width, first.height) == (900, 900, 100, 100)
    assert (second.x, second.y, second.width, second.height) == (None, None, None, None)
    with database.read() as session:
        events = list_audit_events(session, AuditFilter(action="face.report"))
    assert [(each.actor, each.subject, each.details) for each in events][::-1] == [
        (ANA, f"job:{photo.job_id}", {"kind": "missed_face"}),
        (ANA, f"job:{photo.job_id}", {"kind": "wrong_box"}),
        (ANA, f"job:{other.job_id}", {"kind": "missed_face"}),
    ]
    with database.write() as session:
        assert erase_job(session, photo.job_id)
    assert read(database, photo) == []
    assert len(read(database, other)) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "box",
    [
        (-1, 0, 5, 5),
        (0, -1, 5, 5),
        (0, 0, 0, 5),
        (0, 0, 5, 0),
        (WIDTH - 99, 0, 100, 100),
        (0, HEIGHT - 99, 100, 100),
    ],
)
def test_a_box_outside_the_photo_is_refused(
    database: Database, analyses: Analyses, box: tuple[int, int, int, int]
) -> None:
    photo = analyses.store(HAPPY)
    with pytest.raises(InvalidReport, match="outside the photo"):
        report(database, photo, box=box)
    assert read(database, photo) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_wrong_box_is_one_of_a_face_of_the_job(database: Database, analyses: Analyses) -> None:
    photo, other = analyses.store(HAPPY), analyses.store(HAPPY)
    with pytest.raises(InvalidReport, match="must name the face"):
        report(database, photo, ReportKind.WRONG_BOX)
    for kind in ReportKind:
        with pytest.raises(InvalidReport, match="no such face"):
            report(database, photo, kind, face_id=other.face_ids[0])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_job_has_no_end_of_reports_nor_a_report_of_words(
    database: Database, analyses: Analyses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_REPORTS_A_JOB", 2)
    photo, other = analyses.store(HAPPY), analyses.store(HAPPY)
    long = report(database, photo, note="x" * (MOST_NOTE_CHARACTERS + 1))
    assert len(long.note) == MOST_NOTE_CHARACTERS
    report(database, photo)
    with pytest.raises(InvalidReport, match="2 reports already"):
        report(database, photo)
    report(database, other)
