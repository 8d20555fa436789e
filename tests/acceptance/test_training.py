"""Training from the shell, from a CSV to the figures of a version, as a person does it."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.small_dataset import write_small_csv, write_small_votes
from training.export.artifact import PRETRAINED_DIR, read_manifest
from training.fit.fine_tuning import find_split

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("training")
    write_small_votes(folder / "votes.csv", write_small_csv(folder / "small.csv"))
    return folder


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command: list[str | Path] = [Path(sys.executable).with_name("emoscope"), *arguments]
    environment = {
        **os.environ,
        "XDG_CACHE_HOME": str(folder / "cache"),
        "COLUMNS": "200",
        "PYTHONPATH": str(Path.cwd()),
    }
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def run(folder: Path, *arguments: str) -> tuple[int, str, str]:
    with start(folder, *arguments) as process:
        out, err = process.communicate()
    return process.returncode, out, err


def test_check_reports_the_content_of_a_dataset_and_its_bad_rows(folder: Path) -> None:
    bad = folder / "bad.csv"
    bad.write_text((folder / "small.csv").read_text() + "8,1 2 3,Training\n[/b],1 2 3,Training\n")
    code, out, err = run(folder, "dataset", "check", str(bad))
    assert code == 0
    assert "PublicTest" in out
    assert "line 184: emotion '8' is not 0 to 6" in err
    assert "line 185: emotion '[/b]' is not 0 to 6" in err
    code, out, _ = run(folder, "dataset", "check", "small.csv", "--votes", "votes.csv", "--json")
    found = json.loads(out)
    assert found["splits"]["Training"]["emotions"]["happy"] == 20
    assert found["votes"]["training"] == 182


def test_an_invalid_dataset_is_reported_in_one_sentence(folder: Path) -> None:
    (folder / "other.csv").write_text("a,b\n1,2\n")
    code, out, err = run(folder, "dataset", "check", "other.csv")
    assert (code, out) == (1, "")
    assert "the first line must name the columns" in err
    assert "Traceback" not in err


def test_folders_and_back_is_the_same_csv(folder: Path) -> None:
    assert run(folder, "dataset", "export", "small.csv", "pictures")[0] == 0
    assert run(folder, "dataset", "import", "pictures", "back.csv")[0] == 0
    assert (folder / "back.csv").read_bytes() == (folder / "small.csv").read_bytes()


def test_a_diverging_training_is_reported_in_one_sentence(folder: Path) -> None:
    (folder / "recipe.json").write_text(json.dumps({"learning_rate": 1e38, "epochs": 1}))
    given = ("--csv", "small.csv", "--network", "tiny", "--recipe", "recipe.json", "--run", "diverged")
    code, out, err = run(folder, "train", *given)
    assert (code, out) == (1, "")
    assert "Error: training diverged: the loss is" in err
    assert "Traceback" not in err


def train_and_stop(folder: Path, *arguments: str) -> tuple[str, str]:
    """Train, and press Ctrl-C when an epoch is over. Returns that epoch's line, and all that came after."""
    with start(folder, "train", *arguments) as process:
        assert process.stderr is not None
        seen = next(line for line in process.stderr if "held-out accuracy" in line)
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130, rest
    return seen, rest


def test_train_stops_on_ctrl_c_resumes_and_is_evaluated(folder: Path) -> None:
    version = str(PRETRAINED_DIR / "report")
    arguments = ["--csv", "small.csv", "--votes", "votes.csv", "--labels", "soft", "--network", "report"]
    (folder / "quick.json").write_text('{"epochs": 60, "batch_size": 32}')
    arguments += [
        "--recipe",
        "quick.json",
        "--start-from",
        version,
        "--teacher",
        version,
        "--run",
        "run",
        "--seed",
        "9",
    ]
    seen, rest = train_and_stop(folder, *arguments)
    assert seen.startswith("epoch 1/60")
    stopped = re.search(r"stopped after (\d+) of 60 epochs. Resume with: \S*emoscope train --run run\n", rest)
    assert stopped, rest
    held_out = json.loads((folder / "run" / "settings.json").read_text())["settings"]
    assert (held_out["split_seed"], held_out["recipe"]["validation_share"]) == find_split(
        read_manifest(Path(version)).lineage
    )
    # word for word, though it names neither the weights that the run starts from nor its teacher
    seen, _ = train_and_stop(folder, "--run", "run")
    assert seen.startswith(f"epoch {int(stopped[1]) + 1}/60")
    code, out, err = run(folder, "train", "--run", "run", "--export")
    assert code == 0, err
    assert out.strip() == "run/artifact"
    code, out, err = run(
        folder, "evaluate", "--csv", "small.csv", "--votes", "votes.csv", "--model", "run/artifact", "--json"
    )
    assert code == 0, err
    figures = json.loads(out)
    assert figures["rows"] == 42
    assert 0 <= figures["fer2013"]["accuracy"] <= 1
    assert figures["ferplus"]["macro_f1"] == pytest.approx(figures["fer2013"]["macro_f1"])


def test_an_invalid_recipe_is_reported_in_one_sentence(folder: Path) -> None:
    (folder / "wrong.json").write_text('{"epoch": 60}')
    code, _, err = run(folder, "train", "--csv", "small.csv", "--recipe", "wrong.json", "--run", "none")
    assert code == 1
    assert "not a recipe: epoch" in err
    assert not (folder / "none").exists()


def test_train_without_data_names_what_is_missing(folder: Path) -> None:
    code, _, err = run(folder, "train", "--run", "nothing")
    assert code == 1
    assert "training needs --csv" in err


def test_a_missing_model_is_reported_in_one_sentence(folder: Path) -> None:
    code, _, err = run(folder, "evaluate", "--csv", "small.csv", "--model", "none-such")
    assert code == 1
    assert "'none-such' is not a number" in err


def test_the_shipped_champion_can_be_evaluated(folder: Path) -> None:
    code, out, err = run(folder, "evaluate", "--csv", "small.csv")
    assert code == 0, err
    assert "macro-F1" in out
