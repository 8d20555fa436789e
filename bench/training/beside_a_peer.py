"""Compares the shipped versions with `fer` (PyPI), a package that also runs offline, on the same faces.

    uv venv --python 3.11 peer && uv pip install --python peer/bin/python "fer==25.10.3" "setuptools<81" "opencv-contrib-python<5"
    python -m bench.training.beside_a_peer --csv fer2013.csv --votes votes.csv --peer-python peer/bin/python [--usage PublicTest]

The package and its dependencies take 8 GB. It rounds its scores to two decimals, so only accuracy and recall are compared.
"""

import argparse
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from db.core.vocabulary import Emotion
from db.model_versions.metrics import SplitMetrics, list_truths
from training.data.dataset import read_dataset
from training.evaluation.metrics import evaluate_rows, time_model
from training.export.artifact import list_pretrained
from training.export.lite import load_lite

_SCRIPT = Path(__file__).with_name("answer_with_fer.py")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--csv", type=Path, required=True, help="a CSV of FER2013's form")
    parser.add_argument("--votes", type=Path, required=True, help="FER+ votes for its rows")
    parser.add_argument("--peer-python", type=Path, required=True, help="of an environment that has fer")
    parser.add_argument("--usage", default="PublicTest")
    arguments = parser.parse_args()

    dataset = read_dataset(arguments.csv, arguments.votes)
    rows = dataset.find_part(arguments.usage)
    faces = dataset.images[rows]
    print(f"{len(rows)} faces of {arguments.usage}\n")
    print("| | single label: accuracy, macro-F1 | votes: accuracy, macro-F1 | fear, neutral by votes | ms a face |")
    print("| --- | --- | --- | --- | --- |")
    answers, ms_a_face = ask_peer(arguments.peer_python, faces)
    print_row("fer", evaluate_rows(answers, dataset, rows), ms_a_face)
    for name, folder in list_pretrained().items():
        model = load_lite(folder)
        print_row(
            name, evaluate_rows(model.predict(faces), dataset, rows), time_model(model.predict, faces)["ms_a_face"]
        )


def ask_peer(python: Path, faces: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.float32], float]:
    """Return the package's probabilities, (N, 7), and its median milliseconds per face. faces: (N, 48, 48)."""
    with tempfile.TemporaryDirectory() as folder:
        given, got = Path(folder, "faces.npy"), Path(folder, "answers.npz")
        np.save(given, faces)
        quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
        subprocess.run([python, _SCRIPT, given, got], check=True, env=quiet)
        with np.load(got) as answers:
            return answers["probabilities"], float(np.median(answers["ms"]))


def print_row(name: str, figures: SplitMetrics, ms_a_face: float) -> None:
    cells = [f"{found['accuracy']:.3f}, {found['macro_f1']:.3f}" for _, found in list_truths(figures)]
    recalls = [figures["ferplus"]["per_class"][emotion]["recall"] for emotion in (Emotion.FEARFUL, Emotion.NEUTRAL)]
    print(f"| {name} | {' | '.join(cells)} | {recalls[0]:.3f}, {recalls[1]:.3f} | {ms_a_face:.2f} |", flush=True)


if __name__ == "__main__":
    main()
