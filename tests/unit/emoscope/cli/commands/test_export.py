"""`emoscope export` on a running API: few results streamed, many by a file of the service."""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from db.exports.rows import FACE_FIELDS, JOB_FIELDS
from emoscope.cli.app import app
from tests.support.factories.photos import make_photo
from tests.support.live_api import LiveApi
from tests.support.scripted_api import ScriptedApi


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["export", *words])


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.fixture
def names(to_live_api: LiveApi) -> list[str]:
    """File names of three analysed photos, newest first."""
    with to_live_api.open_client() as client:
        for name in ("a.png", "b.png", "=c.png"):
            Path(name).write_bytes(make_photo("PNG"))
            assert client.analyze(name).status == "succeeded"
    return ["=c.png", "b.png", "a.png"]


def test_results_are_streamed_to_standard_output(names: list[str], to_live_api: LiveApi) -> None:
    done = run("--rows", "jobs", "--jsonl")
    assert done.exit_code == 0, done.output
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["filename"] for row in found] == names
    assert tuple(found[0]) == JOB_FIELDS
    assert to_live_api.count("POST /v1/exports") == 0


def test_a_file_is_there_as_a_whole_or_not_at_all(names: list[str], to_live_api: LiveApi) -> None:
    assert run("out.csv", "--rows", "jobs").exit_code == 0
    with Path("out.csv").open(newline="") as file:
        assert [row["filename"] for row in csv.DictReader(file)] == ["'=c.png", "b.png", "a.png"]
    before = Path("out.csv").read_bytes()
    refused = run("out.csv", "--application", "rival")
    assert refused.exit_code == 1
    assert "Error:" in refused.stderr
    assert Path("out.csv").read_bytes() == before
    assert not Path("out.csv.part").exists()
    assert run("no-folder/out.csv").exit_code == 1


def test_the_filters_are_those_of_the_api(names: list[str], to_live_api: LiveApi) -> None:
    with to_live_api.open_client() as client:
        batch = client.wait_for_batch(client.create_batch(["a.png"]), timeout_s=20)
    for words, count in (
        (("--status", "failed"), 0),
        (("--status", "succeeded"), 4),
        (("--batch", str(batch.id)), 1),
        (("--error-code", "broken_picture"), 0),
        (("--created-from", "2099-01-01"), 0),
        (("--created-before", "2099-01-01T10:00:00"), 4),
    ):
        done = run("--rows", "jobs", *words)
        assert done.exit_code == 0, done.output
        assert len(read_csv(done.stdout)) == count, words
    faces = run("--emotion", "happy").stdout
    assert {row["emotion"] for row in read_csv(faces)} <= {"happy"}
    assert faces.startswith(",".join(FACE_FIELDS))


def make_export(status: str, **more: object) -> dict[str, object]:
    """An export as the API describes it."""
    id_ = "0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d"
    empty = ("started_at", "finished_at", "expires_at", "jobs_total", "bytes", "sha256", "file_url", "error")
    return {
        "id": id_,
        "url": f"/v1/exports/{id_}",
        "rows": "faces",
        "format": "csv",
        "status": status,
        "created_at": "2026-03-01T12:00:00Z",
        "jobs_done": 0,
        "row_count": 0,
        **dict.fromkeys(empty),
        **more,
    }


@pytest.fixture
def scripted(
    monkeypatch: pytest.MonkeyPatch, fresh_settings: Callable[[], None], tmp_path: Path
) -> Iterator[ScriptedApi]:
    server = ScriptedApi()
    monkeypatch.setenv("EMOSCOPE_API_URL", server.url)
    monkeypatch.setenv("EMOSCOPE_API_KEY", "key")
    monkeypatch.chdir(tmp_path)
    fresh_settings()
    server.answers = [
        (422, {}, {"code": "export_too_large", "detail": "too many"}),
        (202, {}, make_export("queued")),
        (200, {}, make_export("running", jobs_total=9, jobs_done=3)),
    ]
    yield server
    server.close()


def list_requests(api: ScriptedApi) -> list[str]:
    return [
        line.partition("?")[0].replace("/0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d", "/ID") for line, _, _ in api.requests
    ]


def test_many_results_are_a_file_that_is_fetched_and_deleted_there(scripted: ScriptedApi) -> None:
    raw = json.dumps("rows").encode()  # the scripted API answers JSON alone
    scripted.answers += [
        (200, {}, make_export("succeeded", sha256=hashlib.sha256(raw).hexdigest(), bytes=len(raw))),
        (200, {}, "rows"),
        (204, {}, None),
    ]
    done = run("out.csv", "--status", "succeeded", "--rows", "jobs")
    assert done.exit_code == 0, done.output
    assert Path("out.csv").read_bytes() == raw
    assert list_requests(scripted) == [
        "GET /v1/exports/rows",
        "POST /v1/exports",
        "GET /v1/exports/ID",
        "GET /v1/exports/ID",
        "GET /v1/exports/ID/file",
        "DELETE /v1/exports/ID",
    ]
    assert "status=succeeded" in scripted.requests[1][0]
    assert "rows=jobs" in scripted.requests[1][0]


def test_an_export_that_fails_or_is_another_file_leaves_nothing(scripted: ScriptedApi) -> None:
    begin = list(scripted.answers)
    error = {"code": "blob_store_unavailable", "detail": "the store is away"}
    scripted.answers += [(200, {}, make_export("failed", error=error)), (204, {}, None)]
    failed = run("out.csv")
    assert (failed.exit_code, "the store is away" in failed.stderr) == (1, True)
    scripted.answers = [
        *begin,
        (200, {}, make_export("succeeded", sha256="0" * 64)),
        (200, {}, "rows"),
        (204, {}, None),
    ]
    damaged = run("out.csv")
    assert (damaged.exit_code, "damaged in transfer" in " ".join(damaged.stderr.split())) == (1, True)
    assert list_requests(scripted)[-1] == "DELETE /v1/exports/ID"
    assert list(Path().iterdir()) == []
