"""The API schema of an export in each state, and its query."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from apiflask import APIFlask
from pydantic import ValidationError

from api.exports.schemas import Export, ExportListQuery, ExportQuery, export_to_schema
from api.jobs.filter import JobFilterFields
from db import tables
from db.core.vocabulary import ExportFormat, ExportRows, JobStatus

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ID = UUID("0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d")
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def show(app: APIFlask, **values: object) -> Export:
    row = {
        "id": ID,
        "rows": ExportRows.FACES,
        "format": ExportFormat.CSV,
        "created_at": NOON,
        "jobs_done": 0,
        "row_count": 0,
    }
    with app.test_request_context():
        return export_to_schema(tables.Export(**{**row, "status": JobStatus.QUEUED, **values}))


def test_one_that_waits_has_no_file_and_no_numbers_yet(app: APIFlask) -> None:
    shown = show(app).model_dump(mode="json")
    assert (shown["id"], shown["url"], shown["status"]) == (str(ID), f"/v1/exports/{ID}", "queued")
    assert shown["created_at"] == "2026-03-01T12:00:00Z"
    nothing = ("started_at", "finished_at", "expires_at", "jobs_total", "bytes", "sha256", "file_url", "error")
    assert [shown[name] for name in nothing] == [None] * len(nothing)


def test_one_that_runs_shows_how_far_it_is_and_no_file(app: APIFlask) -> None:
    shown = show(app, status=JobStatus.RUNNING, started_at=NOON, jobs_total=9, jobs_done=3, row_count=5)
    assert (shown.jobs_total, shown.jobs_done, shown.row_count, shown.file_url) == (9, 3, 5, None)


def test_one_that_succeeded_has_its_file_with_size_and_digest(app: APIFlask) -> None:
    shown = show(app, status=JobStatus.SUCCEEDED, byte_count=7, sha256="0" * 64, expires_at=NOON, finished_at=NOON)
    assert (shown.bytes, shown.sha256, shown.file_url) == (7, "0" * 64, f"/v1/exports/{ID}/file")
    assert shown.error is None


@pytest.mark.parametrize("detail", [None, "gave up after 3 attempts"])
def test_one_that_failed_says_why_and_has_no_file(app: APIFlask, detail: str | None) -> None:
    shown = show(app, status=JobStatus.FAILED, error_code="worker_lost", error_detail=detail)
    assert shown.error is not None
    assert (shown.error.code, shown.error.detail, shown.file_url) == ("worker_lost", detail or "", None)


def test_the_filters_are_those_of_jobs_with_faces_as_csv_unless_asked_otherwise(app: APIFlask) -> None:
    assert set(ExportQuery.model_fields) == set(JobFilterFields.model_fields) | {"rows", "format"}
    asked = ExportQuery()
    assert (asked.rows, asked.format, asked.status) == (ExportRows.FACES, ExportFormat.CSV, None)
    for odd in ({"format": "xlsx"}, {"rows": "photos"}, {"status": "done"}, {"created_from": "yesterday"}):
        with pytest.raises(ValidationError):
            ExportQuery.model_validate(odd)


@pytest.mark.parametrize("limit", ["0", "201", "many"])
def test_a_page_has_a_size(app: APIFlask, limit: str) -> None:
    assert ExportListQuery().limit == 50
    with pytest.raises(ValidationError):
        ExportListQuery.model_validate({"limit": limit})
