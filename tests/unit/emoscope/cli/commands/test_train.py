"""What `emoscope train` makes of its options, with nothing trained."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from db.core.vocabulary import Architecture
from emoscope.cli.app import app
from emoscope.cli.commands import train as module
from training.export.artifact import PRETRAINED_DIR, read_manifest
from training.fit.run_settings import Folders, Origin, claim_run_dir
from training.fit.settings import RECIPES, TrainSettings

PARENT = PRETRAINED_DIR / "report"
TEACHER = PRETRAINED_DIR / "default-hard"

Train = Callable[..., Result]


def identify(version: Path) -> str:
    return read_manifest(version).files["model.keras"].sha256


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[TrainSettings, Folders]]:
    """What would have been trained, or exported."""
    seen: list[tuple[TrainSettings, Folders]] = []

    def note(settings: TrainSettings, _run_dir: Path, folders: Folders, _threads: int, *, export: bool) -> Path:
        seen.append((settings, folders))
        return PARENT

    monkeypatch.setattr(module, "_run", note)
    return seen


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: list[Any]) -> Train:
    """Go on, with such options, with a run that is there."""
    monkeypatch.chdir(tmp_path)
    recipe = replace(RECIPES[Architecture.REPORT], epochs=7, batch_size=32)
    settings = TrainSettings(
        tmp_path / "faces.csv",
        "soft",
        Architecture.REPORT,
        recipe,
        tmp_path / "votes.csv",
        seed=3,
        precision="float32",
        split_seed=9,
    )
    origin = Origin("a" * 64, identify(PARENT), (identify(TEACHER),))
    claim_run_dir(tmp_path / "run", settings, origin, Folders(PARENT, (TEACHER,)))
    (tmp_path / "same.json").write_text(json.dumps({"epochs": 7, "batch_size": 32}))
    (tmp_path / "other.json").write_text(json.dumps({"epochs": 7, "dropout": 0.9}))
    return lambda *options: CliRunner().invoke(app, ["train", "--run", "run", *map(str, options)])


@pytest.mark.parametrize(
    "options",
    [
        ("--labels", "hard"),
        ("--network", "default"),
        ("--recipe", "other.json"),
        ("--epochs", 8),
        ("--batch-size", 64),
        ("--seed", 1),
        ("--split-seed", 3),
        ("--votes", "other.csv"),
        ("--csv", "other.csv"),
        ("--precision", "bfloat16"),
        ("--start-from", TEACHER),
        ("--teacher", PARENT),
        ("--teacher", TEACHER, "--teacher", PARENT),
        ("--epochs", 8, "--export"),
    ],
    ids=lambda options: " ".join(map(str, options[::2])),
)
def test_a_run_goes_on_with_no_other_options_than_it_was_started_with(
    train: Train, started: list[Any], options: tuple[object, ...]
) -> None:
    done = train(*options)
    assert done.exit_code == 1
    said = " ".join(done.output.split())
    assert f"was started with different {options[0]}" in said
    assert not started


def test_every_option_that_differs_is_named_once(train: Train) -> None:
    said = " ".join(train("--seed", 4, "--epochs", 7, "--batch-size", 1).output.split())
    assert "different --batch-size and --seed; omit these options to resume it" in said


def test_options_that_say_what_is_so_anyway_change_nothing(train: Train, started: list[Any]) -> None:
    assert train().exit_code == 0
    same = ("--labels", "votes", "--network", "report", "--recipe", "same.json", "--epochs", 7, "--seed", 3)
    assert train(*same, "--split-seed", 9, "--votes", "votes.csv", "--precision", "auto").exit_code == 0
    assert train("--threads", 1, "--export", "--precision", "float32").exit_code == 0
    assert started[1:] == started[:1] * 2
    assert started[0][1] == Folders(PARENT, (TEACHER,))


def test_a_version_that_was_moved_is_found_where_it_lies_now(train: Train, started: list[Any], tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    moved.symlink_to(PARENT)
    assert train("--start-from", moved).exit_code == 0
    assert started[0][1] == Folders(moved, (TEACHER,))


@pytest.mark.parametrize(
    ("word", "labels"), [("hard", "hard"), ("soft", "soft"), ("single", "hard"), ("votes", "soft")]
)
def test_labels_are_named_as_earlier_releases_did_too(word: str, labels: str) -> None:
    assert module.read_labels(word) == labels


def test_other_labels_are_refused(train: Train) -> None:
    done = train("--labels", "odd")
    assert done.exit_code == 2


def test_a_configuration_file_says_what_the_command_line_does_not(
    started: list[tuple[TrainSettings, Folders]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.toml").write_text(
        'network = "small"\nlabels = "soft"\nseed = 5\nsplit_seed = 2\nprecision = "float32"\n'
        f'parent = "{identify(PARENT)}"\n[recipe]\nepochs = 3\ndropout = 0.1\n'
    )
    given = ("train", "--config", "mine.toml", "--csv", "faces.csv", "--votes", "votes.csv")
    done = CliRunner().invoke(app, [*given, "--start-from", str(PARENT), "--seed", "6", "--epochs", "4"])
    assert done.exit_code == 0, done.output
    [(settings, folders)] = started
    assert settings == TrainSettings(
        tmp_path / "faces.csv",
        "soft",
        Architecture.SMALL,
        replace(RECIPES[Architecture.SMALL], epochs=4, dropout=0.1),
        tmp_path / "votes.csv",
        seed=6,
        precision="float32",
        split_seed=2,
    )
    assert folders == Folders(PARENT, ())
    refused = CliRunner().invoke(app, given)
    assert refused.exit_code == 1
    assert "--start-from" in refused.output
    Path("odd.toml").write_text("network = 1")
    assert CliRunner().invoke(app, ["train", "--config", "odd.toml", "--csv", "faces.csv"]).exit_code == 1
    assert len(started) == 1
