"""What `emoscope analyze` prints: names and reasons exactly as they are, whatever a terminal's markup would make of them."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from emoscope.cli.app import app
from tests.support.scripted_api import ScriptedApi, make_face, make_job

NAME = "[red]a[0] :smile: [bold].jpg"
REASON = "it says [/nope] and [link=x] :warning: " + "and so on " * 30
RUNNER = CliRunner()


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, fresh_settings: Callable[[], None]) -> Iterator[ScriptedApi]:
    server = ScriptedApi()
    monkeypatch.setenv("EMOSCOPE_API_URL", server.url)
    monkeypatch.setenv("EMOSCOPE_API_KEY", "key")
    fresh_settings()
    yield server
    server.close()


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = Path(NAME)
    path.write_bytes(b"a photo")
    return path


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_json_is_exact(api: ScriptedApi, photo: Path, form: str) -> None:
    done, failed = make_job("succeeded", [make_face()]), make_job("failed")
    failed["error"] = {"code": "broken_picture", "detail": REASON}
    refusal = (415, {}, {"code": "not_a_picture", "detail": REASON})
    api.answers = [(200, {}, done), (200, {}, failed), refusal]
    ran = RUNNER.invoke(app, ["analyze", NAME, NAME, NAME, "--format", form])
    assert ran.exit_code == 1, ran.output
    found = json.loads(ran.stdout) if form == "json" else [json.loads(line) for line in ran.stdout.splitlines()]
    assert [each["photo"] for each in found] == [NAME] * 3
    assert [each["status"] for each in found] == ["succeeded", "failed", "refused"]
    assert [each["error"] for each in found] == [
        None,
        {"code": "broken_picture", "detail": REASON},
        {"code": "not_a_picture", "detail": REASON},
    ]
    [face] = found[0]["faces"]
    assert (face["emotion"], face["bounding_box"]) == ("happy", {"x": 1, "y": 2, "width": 3, "height": 4})


def test_names_and_reasons_are_shown_as_they_are(api: ScriptedApi, photo: Path) -> None:
    failed = make_job("failed")
    failed["error"] = {"code": "broken_picture", "detail": REASON}
    api.answers = [
        (200, {}, make_job("succeeded", [make_face()])),
        (200, {}, make_job("succeeded")),
        (200, {}, failed),
        (415, {}, {"code": "not_a_picture", "detail": REASON}),
    ]
    ran = RUNNER.invoke(app, ["analyze", *[NAME] * 4])
    assert ran.exit_code == 1, ran.output
    assert "".join(ran.stdout.split()).count("".join(NAME.split())) == 2
    told = " ".join(ran.stderr.split())
    assert told.count(" ".join(NAME.split())) == 2
    assert told.count(" ".join(REASON.split())) == 2


def test_a_refusal_of_all_is_a_sentence_as_it_is(api: ScriptedApi, photo: Path) -> None:
    api.answers = [(200, {}, make_job("queued")), (401, {}, {"code": "unauthorized", "detail": REASON})]
    ran = RUNNER.invoke(app, ["analyze", NAME])
    assert ran.exit_code == 1
    assert " ".join(REASON.split()) in " ".join(ran.stderr.split())
