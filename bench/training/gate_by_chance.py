"""Measures how often the gate promotes a model that is equal to, or better than, the champion.

    python -m bench.training.gate_by_chance --csv fer2013.csv --votes votes.csv OLD.tflite NEW.tflite [--right 0.5] [--rounds 1000]

Two real models classify the gate's faces. In each round their predictions for each face are swapped at random, so that champion
and challenger are equally good; with `--right 0.6` the challenger is right on 60 % of the faces that only one model classifies
correctly. The decision is that of a run, except for the time per face.
"""

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.data.dataset import read_dataset
from training.evaluation.compare import find_holdout
from training.evaluation.gate import Answers, decide_promotion
from training.export.lite import LiteModel


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--csv", type=Path, required=True, help="a CSV of FER2013's form")
    parser.add_argument("--votes", type=Path, help="FER+ votes for its rows, to judge by them")
    parser.add_argument("models", type=Path, nargs=2, help="model.tflite of two versions")
    parser.add_argument("--right", type=float, default=0.5, help="the challenger's share of what only one gets right")
    parser.add_argument("--rounds", type=int, default=1000)
    arguments = parser.parse_args()

    dataset = read_dataset(arguments.csv, arguments.votes)
    rows, truth = find_holdout(dataset, "soft" if arguments.votes else "hard")
    one, other = (LiteModel(path).predict(dataset.images[rows]) for path in arguments.models)
    random = np.random.default_rng(0)
    failed: Counter[str] = Counter()
    gains = []
    for _ in range(arguments.rounds):
        champion, challenger = share_out(one, other, truth, arguments.right, random)
        decision = decide_promotion(Answers(champion, 1.0), Answers(challenger, 1.0), truth)
        failed.update({check.name for check in decision.checks if not check.is_passed})
        failed["none, so promoted"] += decision.is_promoted
        gains.append((challenger.argmax(axis=1) == truth).mean() - (champion.argmax(axis=1) == truth).mean())
    print(
        f"{len(truth)} faces, {arguments.rounds} rounds, accuracy {100 * np.mean(gains):+.2f} points on average; failed:"
    )
    print(", ".join(f"{name} {count / arguments.rounds:.1%}" for name, count in failed.most_common()))


def share_out(
    one: npt.NDArray[np.float32],
    other: npt.NDArray[np.float32],
    truth: npt.NDArray[np.int64],
    right: float,
    random: np.random.Generator,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return champion's and challenger's probabilities, (N, 7) each: for each face those of one model, and of the other."""
    is_right = [answers.argmax(axis=1) == truth for answers in (one, other)]
    challenger_has_one = random.random(len(truth)) < np.where(
        is_right[0] == is_right[1], 0.5, np.where(is_right[0], right, 1 - right)
    )
    takes_one = challenger_has_one[:, None]
    return np.where(takes_one, other, one), np.where(takes_one, one, other)


if __name__ == "__main__":
    main()
