"""`emoscope evaluate`: choice of the version, and output."""

import json
from pathlib import Path

import pytest

from db.core.blobs import BlobStore
from db.core.vocabulary import PRETRAINED_CHAMPION
from db.model_versions.files import store_version
from tests.support.commands import CommandLine
from tests.support.small_dataset import write_small_csv
from training.export.artifact import list_pretrained


@pytest.fixture
def csv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return str(write_small_csv(tmp_path / "small.csv", training=1, public=1))


def test_a_version_is_asked_by_name_folder_or_number_alike(command_line: CommandLine, csv: str, tmp_path: Path) -> None:
    folder = list_pretrained()[PRETRAINED_CHAMPION]
    store_version(command_line.database, BlobStore(str(tmp_path / "b")), "stored", folder)
    found = []
    for name in ("default", PRETRAINED_CHAMPION, str(folder), "1"):
        done = command_line.run("evaluate", "--csv", csv, "--model", name, "--json")
        assert done.exit_code == 0, done.output
        found.append(json.loads(done.stdout)["fer2013"])
    assert found[0]["rows"] == 7
    assert [each["log_loss"] for each in found] == [found[0]["log_loss"]] * 4


def test_figures_are_shown_by_emotion_and_by_stress_test(command_line: CommandLine, csv: str) -> None:
    shown = command_line.expect(0, "evaluate", "--csv", csv)
    assert "fer2013, 7 rows" in shown
    assert "stress/dark" in shown


@pytest.mark.parametrize("model", ["7", "absent", "/nowhere"])
def test_a_version_that_is_not_there_is_a_sentence(command_line: CommandLine, csv: str, model: str) -> None:
    assert "Error:" in command_line.expect(1, "evaluate", "--csv", csv, "--model", model)


def test_nothing_to_evaluate_on_is_a_wrong_call(command_line: CommandLine) -> None:
    assert "name a CSV" in command_line.expect(2, "evaluate")
