"""Exports through the client: streamed, and as files."""

import csv
import hashlib
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from apiflask import APIFlask

from api.core.services import Services
from db.exports.actions import write_export
from emoscope_client import ApiError, Client, Conflict, Export, InvalidRequest, NotFound, WaitTimeout


@pytest.fixture
def job_ids(client: Client, photo: bytes, worker: Any) -> list[UUID]:
    """Two analysed photos, newest first, of one face and none."""
    made: list[UUID] = []
    for faces in ((), (worker.see(),)):
        job = client.create_job(photo)
        worker.analyze(str(job.id), *faces)
        made.insert(0, job.id)
    return made


def write(services: Services, export: Export, folder: Path) -> None:
    """Do what the housekeeper does."""
    write_export(services.database, services.blobs, export.id, folder, retention_s=60)


def test_rows_are_read_as_bytes_or_into_a_file(client: Client, job_ids: list[UUID], tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(client.export_rows(rows="jobs").decode(), newline="")))
    assert [row["job_id"] for row in rows] == [str(job_id) for job_id in job_ids]
    client.download_rows(tmp_path / "rows.jsonl", rows="faces", format="jsonl")
    [line] = (tmp_path / "rows.jsonl").read_text().splitlines()
    assert (json.loads(line)["job_id"], json.loads(line)["emotion"]) == (str(job_ids[0]), "happy")


def test_filters_restrict_what_is_read(client: Client, job_ids: list[UUID]) -> None:
    now = datetime.now(UTC)
    for filters, count in (
        ({"status": "failed"}, 0),
        ({"emotion": "happy"}, 1),
        ({"batch": uuid4()}, 0),
        ({"created_from": now - timedelta(hours=1), "created_before": now + timedelta(hours=1)}, 2),
        ({"created_before": now - timedelta(hours=1)}, 0),
    ):
        rows = client.export_rows(rows="jobs", format="jsonl", **filters)
        assert rows.count(b"\n") == count, filters


def test_an_export_is_waited_for_fetched_and_deleted(
    client: Client, services: Services, job_ids: list[UUID], tmp_path: Path
) -> None:
    export = client.create_export(rows="jobs", format="jsonl", status="succeeded")
    assert (export.status, export.rows, export.format, export.has_ended) == ("queued", "jobs", "jsonl", False)
    with pytest.raises(Conflict) as not_ready:
        client.get_export_file(export.id)
    assert not_ready.value.code == "export_not_ready"
    write(services, export, tmp_path)
    done = client.wait_for_export(export, timeout_s=10)
    assert (done.status, done.jobs_total, done.jobs_done, done.row_count) == ("succeeded", 2, 2, 2)
    client.download_export(done.id, tmp_path / "rows.jsonl")
    data = (tmp_path / "rows.jsonl").read_bytes()
    assert data == client.get_export_file(str(done.id))
    assert (len(data), hashlib.sha256(data).hexdigest()) == (done.bytes, done.sha256)
    assert [json.loads(line)["job_id"] for line in data.splitlines()] == [str(job_id) for job_id in job_ids]
    client.delete_export(done.id)
    with pytest.raises(NotFound) as gone:
        client.get_export(done.id)
    assert gone.value.code == "unknown_export"
    assert not list(tmp_path.glob("export-*"))


def test_a_wait_for_an_export_that_nobody_writes_comes_to_its_end(client: Client) -> None:
    export = client.create_export()
    with pytest.raises(WaitTimeout, match=r"export .* is queued"):
        client.wait_for_export(export.id, timeout_s=0.3)
    assert client.get_export(export.id, wait_s=0.1).status == "queued"


def test_exports_are_listed_in_pages_newest_first(client: Client) -> None:
    made = [client.create_export().id for _ in range(3)]
    first = client.get_export_page(limit=2)
    assert [export.id for export in first.items] == [made[2], made[1]]
    assert first.next is not None
    cursor = first.next.rpartition("cursor=")[2]
    last = client.get_export_page(limit=2, cursor=cursor)
    assert ([export.id for export in last.items], last.next) == ([made[0]], None)


def test_what_is_refused_writes_no_file(client: Client, tmp_path: Path, app: APIFlask) -> None:
    with pytest.raises(InvalidRequest):
        client.export_rows(format="xlsx")  # type: ignore[arg-type]
    with pytest.raises(ApiError):
        client.download_rows(tmp_path / "rows.csv", application="rival")
    with pytest.raises(ApiError):
        client.download_export(uuid4(), tmp_path / "rows.csv")
    assert list(tmp_path.glob("rows.*")) == []
    with pytest.raises(OSError, match="no-folder"):
        client.download_rows(tmp_path / "no-folder" / "rows.csv")
