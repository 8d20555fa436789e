"""Pages of rows: each job and each face once, newest first, for any page size and concurrent changes."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from db.core.session import Database
from db.core.vocabulary import EMOTIONS, Emotion, ExportRows, JobStatus
from db.exports.rows import FACE_FIELDS, JOB_FIELDS, count_wanted, list_fields, read_pages
from db.faces.tables import Face
from db.jobs import erasure
from db.jobs.queries import JobFilter
from tests.support.factories.analyses import Analyses, StoredPhoto
from tests.support.factories.jobs import UNFETCHED, add_job

ALL = JobFilter()


@pytest.fixture
def photos(analyses: Analyses) -> list[StoredPhoto]:
    """Five analysed photos, oldest first, of 2, 0, 1, 3 and 0 faces."""
    happy, sad = (Emotion.HAPPY, 0.7), (Emotion.SAD, 0.6)
    return [analyses.store(*faces) for faces in ((happy, sad), (), (sad,), (sad, happy, happy), ())]


def read_rows(database: Database, wanted: JobFilter, rows: ExportRows, page_size: int) -> list[dict[str, Any]]:
    return [row for page in read_pages(database, wanted, rows, page_size) for row in page.rows]


@pytest.mark.parametrize("page_size", [1, 2, 5, 6])
def test_each_job_is_there_once_newest_first(database: Database, photos: list[StoredPhoto], page_size: int) -> None:
    rows = read_rows(database, ALL, ExportRows.JOBS, page_size)
    assert [row["job_id"] for row in rows] == [photo.job_id for photo in reversed(photos)]
    assert [row["face_count"] for row in rows] == [0, 3, 1, 0, 2]
    assert all(tuple(row) == JOB_FIELDS for row in rows)


@pytest.mark.parametrize("page_size", [1, 2, 6])
def test_each_face_is_there_once_in_the_order_of_its_photo(
    database: Database, photos: list[StoredPhoto], page_size: int
) -> None:
    rows = read_rows(database, ALL, ExportRows.FACES, page_size)
    wanted = [(photo.job_id, face_id) for photo in reversed(photos) for face_id in photo.face_ids]
    assert [(row["job_id"], row["face_id"]) for row in rows] == wanted
    assert [row["face"] for row in rows] == [0, 1, 2, 0, 0, 1]
    assert all(tuple(row) == FACE_FIELDS for row in rows)


def test_a_face_has_its_numbers(database: Database, photos: list[StoredPhoto]) -> None:
    [row] = [row for row in read_rows(database, ALL, ExportRows.FACES, 9) if row["job_id"] == photos[2].job_id]
    assert (row["emotion"], row["confidence"], row["application"], row["model_version"]) == ("sad", 0.6, "test", 1)
    assert (row["x"], row["y"], row["width"], row["height"]) == (10, 10, 80, 80)
    probabilities = [row[f"probability_{emotion}"] for emotion in EMOTIONS]
    assert row["confidence"] == max(probabilities)
    assert row["second_probability"] == sorted(probabilities)[-2]
    assert row["second_emotion"] != "sad"
    assert row["margin"] == pytest.approx(row["confidence"] - row["second_probability"], abs=1e-5)
    assert (row["usable"], row["vote_share_sad"], row["ambiguity"]) == (None, None, None)


@pytest.mark.parametrize(("yaw_deg", "reasons"), [(0.0, []), (89.0, ["turned_away"])])
def test_a_face_says_whether_it_is_usable_and_why_not(
    database: Database, photos: list[StoredPhoto], yaw_deg: float, reasons: list[str]
) -> None:
    (face_id,) = photos[2].face_ids
    with database.write() as session:
        face = session.get_one(Face, face_id)
        face.sharpness, face.brightness, face.inside_share, face.yaw_deg = 0.5, 0.5, 1.0, yaw_deg
    [row] = [row for row in read_rows(database, ALL, ExportRows.FACES, 9) if row["face_id"] == face_id]
    assert (row["usable"], row["unusable_reasons"]) == (not reasons, reasons)


def test_a_photo_that_was_not_fetched_yet_has_no_numbers(database: Database) -> None:
    url = "https://example.com/a.jpg"
    add_job(database, source_url=url, **UNFETCHED)
    [row] = read_rows(database, ALL, ExportRows.JOBS, 9)
    assert (row["source_url"], row["status"]) == (url, JobStatus.QUEUED)
    assert [row[name] for name in ("media_type", "photo_bytes", "photo_sha256", "photo_width", "photo_height")] == [
        None
    ] * 5


def test_a_filter_counts_and_restricts_both_kinds_of_rows(database: Database, photos: list[StoredPhoto]) -> None:
    add_job(database)
    happy = JobFilter(emotion=Emotion.HAPPY)
    with database.read() as session:
        assert (count_wanted(session, ALL), count_wanted(session, ALL, 4), count_wanted(session, happy)) == (6, 4, 2)
    faces = read_rows(database, happy, ExportRows.FACES, 1)
    assert [(row["job_id"], row["emotion"]) for row in faces] == [
        (photos[3].job_id, "happy"),
        (photos[3].job_id, "happy"),
        (photos[0].job_id, "happy"),
    ]
    assert len(read_rows(database, JobFilter(status=JobStatus.SUCCEEDED), ExportRows.JOBS, 2)) == 5
    assert list(read_pages(database, JobFilter(status=JobStatus.FAILED), ExportRows.JOBS)) == []


@pytest.mark.parametrize("happens", ["erased", "added"])
def test_what_happens_between_two_pages_neither_repeats_nor_loses_another_job(
    database: Database, photos: list[StoredPhoto], happens: str
) -> None:
    def erase(job_id: UUID) -> None:
        with database.write() as session:
            erasure.erase_job(session, job_id)

    change: dict[str, Callable[[], object]] = {
        "erased": lambda: erase(photos[3].job_id),  # the last of the first page
        "added": lambda: add_job(database),
    }
    pages = read_pages(database, ALL, ExportRows.JOBS, 2)
    seen = [row["job_id"] for row in next(pages).rows]
    change[happens]()
    seen += [row["job_id"] for page in pages for row in page.rows]
    assert seen == [photo.job_id for photo in reversed(photos)]


def test_pages_tell_how_far_they_are(database: Database, photos: list[StoredPhoto]) -> None:
    pages = list(read_pages(database, ALL, ExportRows.FACES, 2))
    assert [(page.jobs, len(page.rows)) for page in pages] == [(2, 3), (2, 1), (1, 2)]
    assert all(first.last > second.last for first, second in pairwise(pages))
    assert list_fields(ExportRows.FACES) == FACE_FIELDS
