"""Measures how many corrections of a new kind of face a retraining run needs.

    python -m bench.training.few_corrections --csv fer2013.csv --votes votes.csv [--kind mask] [--counts 0 30 100 300 1000]
        [--shares 0 0.2] [--rows 6000] [--epochs 4] [--json FILE]

The new kind are faces that `default` was never trained on: Training rows with a covering or change of the stress tests drawn on.
For each count, `default` is trained further as a retraining run does it, on `--rows` Training rows and that many faces of the new
kind, labelled with the majority of their votes. A share of 0 uses each correction once an epoch; 0.2 repeats them, each time with
other augmentation, until they are a fifth of the rows, or 20 times. Accuracy and mean recall are those of validation rows with a
clear majority, as they are and with the change, before the adjustment of the last layer; a count of 0 is the reference.
"""

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.machine import describe_machine
from db.core.vocabulary import EMOTIONS
from training.data.batches import Examples
from training.data.dataset import read_dataset
from training.data.examples import count_repeats, make_examples
from training.data.validation_pictures import read_validation_pictures
from training.data.votes import NO_MAJORITY
from training.evaluation.stress import STRESSES, stress_crops
from training.export.artifact import list_pretrained, read_manifest
from training.export.served import rebuild_network
from training.fit.fine_tuning import choose_settings
from training.fit.loop import fit_network, make_predictor
from training.fit.runtime import keras
from training.fit.settings import Recipe
from training.networks.build import build_network, inherit_weights

Crops = npt.NDArray[np.uint8]

CLEAR_SHARE = 0.6
"""Reviewers label faces on which people agree: the corrections are rows with at least this share of votes for one emotion."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--csv", type=Path, required=True, help="a CSV of FER2013's form")
    parser.add_argument("--votes", type=Path, required=True, help="FER+ votes for its rows")
    parser.add_argument("--kind", choices=STRESSES, default="mask")
    parser.add_argument("--counts", type=int, nargs="+", default=[0, 30, 100, 300, 1000])
    parser.add_argument("--shares", type=float, nargs="+", default=[0.0, 0.2])
    parser.add_argument("--rows", type=int, default=6000, help="Training rows beside the corrections")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--json", type=Path, help="where to write the results")
    asked = parser.parse_args()

    bench = Bench(asked)
    print(f"validation rows: {bench.count}; before: {json.dumps(bench.measure(bench.network))}", flush=True)
    print(
        "| corrections | share of the rows | clear faces: accuracy, mean recall | the new kind | seconds |\n"
        + "| --- " * 5
        + "|"
    )
    results = []
    for count in asked.counts:
        for share in asked.shares if count else [0.0]:
            result = bench.train(count, share)
            results.append(result)
            clear, new = result["clear"], result["new"]
            print(
                f"| {count} | {share} | {clear[0]}, {clear[1]} | {new[0]}, {new[1]} | {result['seconds']} |", flush=True
            )
            if asked.json:
                how = {name: getattr(asked, name) for name in ("kind", "rows", "epochs")}
                written = {"machine": describe_machine(), **how, "results": results}
                asked.json.write_text(json.dumps(written, indent=1) + "\n")


class Bench:
    """The examples, and the version to start from."""

    def __init__(self, asked: argparse.Namespace) -> None:
        folder = list_pretrained()["default"]
        self._settings = choose_settings(
            read_manifest(folder),
            asked.csv,
            asked.votes,
            labels="soft",
            from_scratch=False,
            epochs=asked.epochs,
            learning_rate=None,
            seed=3,
        )
        examples = make_examples(read_dataset(asked.csv, asked.votes), self._settings, read_validation_pictures(folder))
        order = np.random.default_rng(0).permutation(len(examples.training.images))
        self._rehearsed = _select(examples.training, order[: asked.rows])
        others = _select(examples.training, order[asked.rows :])
        clear = np.flatnonzero(others.targets.max(axis=1) >= CLEAR_SHARE)[: max(asked.counts)]
        self._corrections = _select(others, clear)
        self._corrected = stress_crops(self._corrections.images, asked.kind)
        self._validation = examples.validation
        is_known = examples.validation_truth != NO_MAJORITY
        self._truth = examples.validation_truth[is_known]
        self._clear = examples.validation.images[is_known]
        self._new = stress_crops(self._clear, asked.kind)
        self.count = len(self._truth)
        self.network = rebuild_network(folder)

    @property
    def _recipe(self) -> Recipe:
        return self._settings.recipe

    def train(self, count: int, share: float) -> dict[str, Any]:
        """Train on the first `count` corrections, repeated up to that share of the rows, and measure the result."""
        began = monotonic()
        keras.utils.set_random_seed(self._settings.seed)
        network = build_network(self._settings.architecture, dropout=self._recipe.dropout, is_learning=True)
        inherit_weights(network, self.network)
        repeats = count_repeats(count, len(self._rehearsed.images), share) if count else 0
        rows = np.tile(np.arange(count), repeats)
        targets = np.eye(len(EMOTIONS), dtype=np.float32)[self._corrections.targets[rows].argmax(axis=1)]
        training = Examples(
            np.concatenate([self._rehearsed.images, self._corrected[rows]]),
            np.concatenate([self._rehearsed.targets, targets]),
            np.concatenate([self._rehearsed.weights, np.ones(len(rows), np.float32)]),
        )
        # The last epoch, since the best one on clear validation rows needn't be the best on a new kind
        recipe = replace(self._recipe, monitor="last")
        with tempfile.TemporaryDirectory() as folder:
            fit_network(
                network,
                training,
                self._validation,
                recipe,
                Path(folder),
                seed=self._settings.seed,
                progress=lambda _: None,
                should_stop=lambda: False,
            )
        taken = round(monotonic() - began)
        return {"count": count, "share": share, "repeats": repeats, **self.measure(network), "seconds": taken}

    def measure(self, network: "keras.Model") -> dict[str, Any]:
        """Return accuracy and mean recall on clear faces and on the new kind, both averaged with the mirror image."""
        predict = make_predictor(network, self._recipe.input_size, normalized=self._recipe.normalized)

        def evaluate(crops: Crops) -> list[float]:
            predicted = (predict(crops) + predict(np.ascontiguousarray(crops[:, :, ::-1]))).argmax(axis=1)
            is_right = predicted == self._truth
            recalls = [is_right[self._truth == emotion].mean() for emotion in np.unique(self._truth)]
            return [round(float(is_right.mean()), 3), round(float(np.mean(recalls)), 3)]

        return {"clear": evaluate(self._clear), "new": evaluate(self._new)}


def _select(examples: Examples, rows: npt.NDArray[np.int64]) -> Examples:
    return Examples(examples.images[rows], examples.targets[rows], examples.weights[rows])


if __name__ == "__main__":
    main()
