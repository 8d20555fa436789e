"""Results as CSV and JSON Lines: streamed, and as files."""

import csv
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from api.core.services import Services
from db.core.vocabulary import Emotion, ExportRows, JobStatus
from db.exports.actions import list_expired_exports, list_waiting_exports, write_export
from db.exports.rows import list_fields, read_pages
from db.exports.tables import Export
from db.jobs.queries import JobFilter


@pytest.fixture
def filled(client: FlaskClient, photo: bytes, worker: Any) -> list[str]:
    """Three jobs: two faces, one face, none; the first of a file whose name is a formula."""
    made = []
    for name, faces in (
        ("=1+cmd.jpg", [worker.see(Emotion.HAPPY, 0.7), worker.see(Emotion.SAD, 0.6, (40, 4, 10, 12))]),
        ("b, c.jpg", [worker.see(Emotion.SAD, 0.9)]),
        ("c.jpg", []),
    ):
        answer = client.post("/v1/jobs", data={"image": (io.BytesIO(photo), name)})
        made.append(answer.get_json()["id"])
        worker.analyze(made[-1], *faces)
    return made


def read_csv(answer: Any) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.get_data(as_text=True), newline="")))


def test_faces_are_rows_newest_job_first(client: FlaskClient, filled: list[str]) -> None:
    rows = read_csv(client.get("/v1/exports/rows"))
    assert [(row["job_id"], row["face"], row["emotion"]) for row in rows] == [
        (filled[1], "0", "sad"),
        (filled[0], "0", "happy"),
        (filled[0], "1", "sad"),
    ]
    assert tuple(rows[0]) == list_fields(ExportRows.FACES)
    assert (rows[1]["confidence"], rows[1]["application"], rows[1]["usable"]) == ("0.7", "shop", "")
    assert rows[0]["filename"] == "b, c.jpg"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_text_that_a_spreadsheet_takes_for_a_formula_is_neutralised_in_csv_alone(
    client: FlaskClient, filled: list[str]
) -> None:
    (first,) = [row for row in read_csv(client.get("/v1/exports/rows?rows=jobs")) if row["job_id"] == filled[0]]
    name = client.get(f"/v1/jobs/{filled[0]}").get_json()["photo"]["filename"]
    assert name == "=1+cmd.jpg"
    assert first["filename"] == f"'{name}"
    lines = client.get("/v1/exports/rows?rows=jobs&format=jsonl").get_data(as_text=True).splitlines()
    assert name in [json.loads(line)["filename"] for line in lines]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_filters_are_those_of_the_list(client: FlaskClient, filled: list[str]) -> None:
    rows = [
        json.loads(line)
        for line in client.get("/v1/exports/rows?emotion=sad&format=jsonl").get_data(as_text=True).splitlines()
    ]
    assert [(row["job_id"], row["emotion"]) for row in rows] == [(filled[1], "sad"), (filled[0], "sad")]
    jobs = read_csv(client.get("/v1/exports/rows?rows=jobs&emotion=happy"))
    assert [(row["job_id"], row["face_count"]) for row in jobs] == [(filled[0], "2")]
    nothing = client.get("/v1/exports/rows?status=failed")
    assert nothing.get_data(as_text=True) == ",".join(list_fields(ExportRows.FACES)) + "\r\n"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_more_than_is_streamed_is_refused_at_once(
    open_app: Callable[..., APIFlask], client: FlaskClient, filled: list[str]
) -> None:
    small = open_app(export_stream_jobs=2).test_client()
    headers = {"Authorization": client.environ_base["HTTP_AUTHORIZATION"]}
    answer = small.get("/v1/exports/rows", headers=headers)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "export_too_large")
    assert small.get("/v1/exports/rows?emotion=happy", headers=headers).status_code == 200


def test_pages_of_any_size_hold_every_row_once(filled: list[str], services: Services) -> None:
    for size in (1, 2, 3, 500):
        pages = list(read_pages(services.database, JobFilter(), ExportRows.JOBS, size))
        assert [str(row["job_id"]) for page in pages for row in page.rows] == filled[::-1]


def test_a_file_is_written_read_and_deleted(
    client: FlaskClient, other_client: FlaskClient, filled: list[str], services: Services, tmp_path: Path
) -> None:
    made = client.post("/v1/exports?rows=faces").get_json()
    assert (made["status"], made["file_url"]) == ("queued", None)
    assert client.get(f"{made['url']}/file").get_json()["code"] == "export_not_ready"
    with services.database.read() as session:
        assert list_waiting_exports(session, 10) == [UUID(made["id"])]
    write_export(services.database, services.blobs, UUID(made["id"]), tmp_path, retention_s=60)
    assert write_export(services.database, services.blobs, UUID(made["id"]), tmp_path, retention_s=60) is None
    done = client.get(made["url"]).get_json()
    assert (done["status"], done["row_count"], done["jobs_done"], done["jobs_total"]) == ("succeeded", 3, 3, 3)
    file = client.get(done["file_url"])
    assert file.data == client.get("/v1/exports/rows").data
    assert (len(file.data), hashlib.sha256(file.data).hexdigest()) == (done["bytes"], done["sha256"])
    assert other_client.get(made["url"]).status_code == 404
    assert [each["id"] for each in client.get("/v1/exports").get_json()["items"]] == [made["id"]]
    assert client.delete(made["url"]).status_code == 204
    assert client.get(made["url"]).get_json()["code"] == "unknown_export"
    assert not services.blobs.has(f"exports/{made['id']}")
    assert not list(tmp_path.glob("export-*"))


def test_an_export_whose_writer_went_silent_is_taken_by_another(
    client: FlaskClient, filled: list[str], services: Services, tmp_path: Path
) -> None:
    made = client.post("/v1/exports").get_json()
    with services.database.write() as session:
        export = session.get_one(Export, UUID(made["id"]))
        export.status, export.attempt, export.lease_expires_at = JobStatus.RUNNING, 1, export.created_at
    with services.database.read() as session:
        assert list_waiting_exports(session, 10) == [UUID(made["id"])]
    ended = write_export(services.database, services.blobs, UUID(made["id"]), tmp_path, retention_s=-1)
    assert ended is not None
    assert ended.attempt == 2
    with services.database.read() as session:
        assert list_expired_exports(session, 10) == [UUID(made["id"])]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_application_may_not_ask_for_any_number_at_once(client: FlaskClient, other_client: FlaskClient) -> None:
    answers = [client.post("/v1/exports").status_code for _ in range(11)]
    assert answers == [202] * 10 + [429]
    assert other_client.post("/v1/exports").status_code == 202
