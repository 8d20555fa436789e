import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from db.core.vocabulary import Architecture
from db.model_versions.manifest import Manifest
from training.data.augmentation import Augmentation
from training.data.dataset import read_dataset
from training.errors import ArtifactError, RunError, RunStopped
from training.evaluation.metrics import evaluate_model
from training.export.artifact import INT8_FILE, read_manifest, verify_files, write_manifest
from training.export.lite import load_lite
from training.export.quantize import Int8Limits, add_int8
from training.export.served import build_served, load_network, predict
from training.fit.loop import Progress
from training.fit.run_state import RunState
from training.fit.settings import RECIPES, Labels, Stage, TrainSettings
from training.pipeline import export_run, run_training

pytestmark = pytest.mark.timeout(300)

QUICK = dataclasses.replace(
    RECIPES[Architecture.DEFAULT],
    epochs=8,
    batch_size=16,
    ema=0.0,
    validation_share=0.2,
    stages=(Stage(1.0, 48),),
    augmentation=Augmentation(),
)

Stopped = tuple[Path, Manifest, Path]


def make_settings(csv: Path, votes: Path | None = None, **changes: Any) -> TrainSettings:
    labels: Labels = "soft" if votes else "hard"
    return TrainSettings(csv, labels, Architecture.TINY, dataclasses.replace(QUICK, **changes), votes, seed=5)


@pytest.fixture(scope="module")
def stopped(small_csv: Path, small_votes: Path, tmp_path_factory: pytest.TempPathFactory) -> Stopped:
    """A run that was stopped after its first epoch, exported, and then finished: folder, both manifests."""
    run_dir, settings, done = tmp_path_factory.mktemp("run"), make_settings(small_csv, small_votes), []

    def note(now: Progress) -> None:
        if now.step == now.steps:
            done.append(now.epoch)

    with pytest.raises(RunStopped):
        run_training(settings, run_dir, progress=note, should_stop=lambda: bool(done))
    early = read_manifest(export_run(run_dir))
    artifact_dir = run_training(settings, run_dir)
    return run_dir, early, artifact_dir


@pytest.fixture(scope="module")
def artifact_dir(stopped: Stopped) -> Path:
    return stopped[2]


def test_an_unfinished_run_gives_a_version_that_says_so(stopped: Stopped, artifact_dir: Path) -> None:
    _, early, _ = stopped
    assert (early.lineage.epochs_done, read_manifest(artifact_dir).lineage.epochs_done) == (1, 8)


def read_files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_finished_run_makes_its_version_once(
    stopped: Stopped, small_csv: Path, small_votes: Path, tmp_path: Path
) -> None:
    """Runs that start from a version or learn from it know it by its files' digests."""
    run_dir = tmp_path / "run"
    shutil.copytree(stopped[0], run_dir)
    before = read_files(run_dir / "artifact")
    assert export_run(run_dir) == run_training(make_settings(small_csv, small_votes), run_dir) == run_dir / "artifact"
    assert read_files(run_dir / "artifact") == before


@pytest.mark.usefixtures("without_int8")
@pytest.mark.parametrize("part", ["model.tflite", "manifest.json", "epochs_done", "labels"])
def test_a_version_that_is_damaged_or_of_something_else_is_made_anew(
    stopped: Stopped, tmp_path: Path, part: str
) -> None:
    run_dir = tmp_path / "run"
    shutil.copytree(stopped[0], run_dir)
    folder = run_dir / "artifact"
    if part in {"epochs_done", "labels"}:
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["lineage"]["epochs_done"] = 3 if part == "epochs_done" else 8
        manifest["lineage"]["settings"]["labels"] = "hard" if part == "labels" else "soft"
        (folder / "manifest.json").write_text(json.dumps(manifest))
    else:
        (folder / part).write_bytes(b"damaged")
    made = verify_files(export_run(run_dir))
    assert (made.lineage.epochs_done, made.lineage.settings["labels"]) == (8, "soft")


def test_a_run_is_exported_on_its_own_dataset_alone(stopped: Stopped, small_csv: Path, tmp_path: Path) -> None:
    moved = tmp_path / "run"
    shutil.copytree(stopped[0], moved)
    changed = tmp_path / "changed.csv"
    changed.write_text("\n".join(small_csv.read_text().splitlines()[:-1]) + "\n")
    settings = json.loads((moved / "settings.json").read_text())
    settings["settings"]["csv_path"] = str(changed)
    settings["settings"]["labels"], settings["settings"]["votes_path"] = "hard", None
    (moved / "settings.json").write_text(json.dumps(settings))
    with pytest.raises(RunError, match="another dataset"):
        export_run(moved)


def test_a_run_leaves_a_whole_version(artifact_dir: Path) -> None:
    manifest = verify_files(artifact_dir)
    assert manifest.labels == "soft"
    assert manifest.lineage.row_counts["training"] + manifest.lineage.row_counts["validation"] == 140
    assert manifest.metrics["PublicTest"]["ferplus"]["rows"] == 42
    assert manifest.metrics["validation"]["rows"] == manifest.lineage.row_counts["validation"]
    assert len(json.loads((artifact_dir / "history.json").read_text())["epochs"]) == 8


def test_the_files_answer_at_the_temperature_that_was_fitted(artifact_dir: Path, small_csv: Path) -> None:
    manifest, images = read_manifest(artifact_dir), read_dataset(small_csv).images[:20]
    assert manifest.temperature != pytest.approx(1, abs=0.01)
    network = load_network(artifact_dir / "model.keras", manifest.files["model.keras"].sha256)
    assert (manifest.flip, manifest.crop_scales) == (True, (48,))
    expected = build_served(network, temperature=manifest.temperature, flip=True)
    np.testing.assert_allclose(load_lite(artifact_dir).predict(images), predict(expected, images), atol=1e-4)


def test_the_network_learns_what_there_is_to_learn(artifact_dir: Path) -> None:
    assert read_manifest(artifact_dir).metrics["PublicTest"]["ferplus"]["accuracy"] > 0.5


def test_the_card_has_the_figures_and_the_limits(artifact_dir: Path) -> None:
    card = (artifact_dir / "model_card.md").read_text()
    accuracy = read_manifest(artifact_dir).metrics["PublicTest"]["ferplus"]["accuracy"]
    assert f"accuracy {accuracy:.3f}" in card
    assert "never what a person feels" in card


def test_the_report_is_one_file_that_loads_nothing(stopped: Stopped) -> None:
    report = (stopped[0] / "report.html").read_text()
    assert all(title in report for title in ("Curves", "Reliability", "Confusion", "Surest mistakes"))
    assert "<script src" not in report
    assert "<link" not in report


def test_figures_in_the_manifest_are_those_of_the_files_beside_it(
    artifact_dir: Path, small_csv: Path, small_votes: Path
) -> None:
    found = evaluate_model(load_lite(artifact_dir).predict, read_dataset(small_csv, small_votes), "PublicTest")
    stored = read_manifest(artifact_dir).metrics["PublicTest"]
    assert stored == {key: value for key, value in found.items() if key in stored}


def test_a_run_folder_belongs_to_one_run(stopped: Stopped, small_csv: Path, small_votes: Path) -> None:
    with pytest.raises(RunError, match="different settings"):
        run_training(make_settings(small_csv, small_votes, epochs=4), stopped[0])
    with pytest.raises(RunError, match="no training run"):
        export_run(stopped[2])


@pytest.mark.usefixtures("without_int8")
def test_a_run_can_start_from_a_version_and_be_taught_by_it(
    stopped: Stopped, small_csv: Path, small_votes: Path, tmp_path: Path
) -> None:
    settings = make_settings(small_csv, small_votes, epochs=1, learning_rate=0.0, weight_decay=0.0)
    child = read_manifest(run_training(settings, tmp_path, initial_weights=stopped[2], teachers=[stopped[2]]))
    sha256 = read_manifest(stopped[2]).files["model.keras"].sha256
    assert (child.lineage.parent, child.lineage.teachers) == (sha256, (sha256,))
    assert f"| teachers | {sha256} |" in (tmp_path / "artifact" / "model_card.md").read_text()
    assert np.array_equal(RunState(stopped[0]).load_best()[0], RunState(tmp_path).load_best()[0])
    with pytest.raises(RunError, match="different teachers"):
        run_training(settings, tmp_path, initial_weights=stopped[2])


@pytest.mark.usefixtures("without_int8")
@pytest.mark.long
def test_a_smaller_network_may_start_from_a_larger_one(small_csv: Path, tmp_path: Path) -> None:
    still = dataclasses.replace(QUICK, epochs=1, learning_rate=0.0, weight_decay=0.0, stages=(Stage(1.0, 16),))
    large, default = (
        TrainSettings(small_csv, "hard", network, still, seed=seed)
        for seed, network in enumerate((Architecture.LARGE, Architecture.DEFAULT))
    )
    parent = run_training(large, tmp_path / "large")
    child = run_training(default, tmp_path / "default", initial_weights=parent)
    found, expected = (
        load_network(folder / "model.keras", read_manifest(folder).files["model.keras"].sha256)
        for folder in (child, parent)
    )
    for name in ("stem_conv", "stage2_block0_second_conv", "emotions"):
        assert np.array_equal(found.get_layer(name).get_weights()[0], expected.get_layer(name).get_weights()[0])


def test_a_version_of_another_network_is_no_start(artifact_dir: Path, small_csv: Path, tmp_path: Path) -> None:
    settings = TrainSettings(small_csv, "hard", Architecture.REPORT, RECIPES[Architecture.REPORT])
    with pytest.raises(RunError, match="don't fit a report"):
        run_training(settings, tmp_path, initial_weights=artifact_dir)


def test_training_on_votes_needs_votes(small_csv: Path) -> None:
    with pytest.raises(RunError, match="needs a file of votes"):
        TrainSettings(small_csv, "soft", Architecture.DEFAULT, QUICK)


def test_a_version_without_the_form_in_8_bits_can_be_given_it(
    artifact_dir: Path, small_csv: Path, small_votes: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(artifact_dir, tmp_path / "version")
    manifest = read_manifest(folder)
    manifest.files.pop(INT8_FILE, None)
    manifest.metrics.pop("int8", None)
    write_manifest(manifest, folder)
    with pytest.raises(ArtifactError, match="no int8 model"):
        load_lite(folder, is_int8=True)
    dataset = read_dataset(small_csv, small_votes)
    wide = Int8Limits(max_accuracy_loss=1.0, max_log_loss_rise=9.0)  # of 28 rows one is too much already
    metrics = add_int8(folder, dataset, wide)
    assert verify_files(folder).metrics["int8"] == metrics
    assert load_lite(folder, is_int8=True).predict(dataset.images[:3]).shape == (3, 7)
