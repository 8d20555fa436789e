"""`emoscope job` on a running API."""

import json
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from typer.testing import CliRunner, Result

from emoscope.cli import terminal
from emoscope.cli.app import app
from tests.support.factories.photos import make_photo
from tests.support.live_api import LiveApi

ODD_NAME = "[red]a[0].png"


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["job", *words])


@pytest.fixture
def job_ids(to_live_api: LiveApi, monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """Three analysed photos, newest first; the newest has an odd name."""
    monkeypatch.setattr(terminal.out, "width", 200)
    with to_live_api.open_client() as client:
        jobs = []
        for name in ("a.png", "b.png", ODD_NAME):
            Path(name).write_bytes(make_photo("PNG", colour="lime"))
            jobs.append(client.analyze(name))
    return [job.id for job in reversed(jobs)]


def test_jobs_are_listed_newest_first_as_the_api_shows_them(to_live_api: LiveApi, job_ids: list[UUID]) -> None:
    found = json.loads(run("list", "--json").stdout)
    assert [each["id"] for each in found] == [str(job_id) for job_id in job_ids]
    with to_live_api.open_client() as client:
        assert found == [job.to_json() for job in client.list_jobs()]
    assert len(json.loads(run("list", "--json", "--limit", "2").stdout)) == 2
    assert json.loads(run("list", "--json", "--status", "failed").stdout) == []
    assert json.loads(run("list", "--json", "--created-from", "2099-01-01").stdout) == []
    shown = run("list")
    assert ODD_NAME in shown.stdout
    assert shown.stdout.count("succeeded") == 3


def test_a_job_is_shown_with_its_faces(to_live_api: LiveApi, job_ids: list[UUID]) -> None:
    job = json.loads(run("show", str(job_ids[0]), "--json").stdout)
    assert (job["id"], job["photo"]["filename"]) == (str(job_ids[0]), ODD_NAME)
    shown = run("show", str(job_ids[0])).stdout
    assert ODD_NAME in shown
    for face in job["faces"]:
        assert face["emotion"] in shown


def test_what_is_not_there_is_a_sentence(to_live_api: LiveApi) -> None:
    for words in (("show", str(uuid4())), ("list", "--application", "rival")):
        done = run(*words)
        assert (done.exit_code, done.stderr.startswith("Error:")) == (1, True), words
    assert run("show", "odd").exit_code == 2
