"""`emoscope batch` on a running API."""

import json
from uuid import UUID, uuid4

import pytest
from typer.testing import CliRunner, Result

from emoscope.cli import terminal
from emoscope.cli.app import app
from tests.support.factories.photos import make_photo
from tests.support.live_api import LiveApi


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["batch", *words])


@pytest.fixture
def batch_id(to_live_api: LiveApi, monkeypatch: pytest.MonkeyPatch) -> UUID:
    """An open batch with a photo and what is none."""
    monkeypatch.setattr(terminal.out, "width", 200)
    with to_live_api.open_client() as client:
        return client.create_batch([make_photo(), b"a text"], open=True).id


def test_batches_are_listed_as_the_api_shows_them(to_live_api: LiveApi, batch_id: UUID) -> None:
    with to_live_api.open_client() as client:
        newest = client.create_batch(open=True).id
    found = json.loads(run("list", "--json").stdout)
    assert [each["id"] for each in found] == [str(newest), str(batch_id)]
    assert (found[1]["counts"]["total"], found[1]["counts"]["refused"], "photos" in found[1]) == (2, 1, False)
    assert len(json.loads(run("list", "--json", "--limit", "1").stdout)) == 1
    assert run("list").stdout.count("open") == 2


def test_a_batch_is_shown_with_what_has_no_result_and_why(to_live_api: LiveApi, batch_id: UUID) -> None:
    shown = run("show", str(batch_id)).stdout
    assert "2 photos:" in shown
    assert "1 refused" in shown
    assert "photo-1: not_a_picture: " in shown
    assert len(json.loads(run("show", str(batch_id), "--json").stdout)["photos"]) == 2


def test_a_batch_is_closed_and_canceled(to_live_api: LiveApi, batch_id: UUID) -> None:
    assert run("close", str(batch_id)).exit_code == 0
    [shown] = json.loads(run("list", "--json").stdout)
    assert shown["is_open"] is False
    done = run("cancel", str(batch_id))
    assert done.exit_code == 0
    assert "Canceled" in done.stderr


def test_what_is_not_there_is_a_sentence(to_live_api: LiveApi) -> None:
    for word in ("show", "close", "cancel"):
        done = run(word, str(uuid4()))
        assert (done.exit_code, done.stderr.startswith("Error:")) == (1, True), word
    assert run("list", "--application", "rival").exit_code == 1
