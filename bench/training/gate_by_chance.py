"""Measures how often the gate promotes a model that is equal to, or better than, the champion.

    python -m bench.training.gate_by_chance --csv fer2013.csv --votes votes.csv OLD.tflite NEW.tflite
        [--right 0.5] [--live 0] [--live-right 0.5] [--rounds 1000]

Two real models classify the gate's faces. In each round their predictions for each face are swapped at random, so that champion
and challenger are equally good; with `--right 0.6` the challenger is right on 60 % of the faces that only one model classifies
correctly. The decision is that of a run, except for the time per face. With `--live 300` that many of the faces count as live
faces that reviewers labelled, in place of test rows; `--live-right` is the challenger's share on these.
"""

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.data.dataset import read_dataset
from training.evaluation.compare import find_holdout
from training.evaluation.gate import Answers, decide_promotion
from training.evaluation.gate_reviewed import count_pairs
from training.export.lite import LiteModel


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--csv", type=Path, required=True, help="a CSV of FER2013's form")
    parser.add_argument("--votes", type=Path, help="FER+ votes for its rows, to judge by them")
    parser.add_argument("models", type=Path, nargs=2, help="model.tflite of two versions")
    parser.add_argument("--right", type=float, default=0.5, help="the challenger's share of what only one gets right")
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--live", type=int, default=0, help="number of faces that count as labelled live faces")
    parser.add_argument(
        "--live-right", type=float, help="the challenger's share on live faces; default: that of --right"
    )
    arguments = parser.parse_args()
    live_right = arguments.right if arguments.live_right is None else arguments.live_right

    dataset = read_dataset(arguments.csv, arguments.votes)
    rows, truth = find_holdout(dataset, "soft" if arguments.votes else "hard")
    one, other = (LiteModel(path).predict(dataset.images[rows]) for path in arguments.models)
    random = np.random.default_rng(0)
    failed: Counter[str] = Counter()
    gains = []
    for _ in range(arguments.rounds):
        places = random.permutation(len(truth))
        live, tested = places[: arguments.live], places[arguments.live :]
        right = np.full(len(truth), arguments.right)
        right[live] = live_right
        champion, challenger = share_out(one, other, truth, right, random)
        decision = decide_promotion(
            Answers(champion[tested], 1.0),
            Answers(challenger[tested], 1.0),
            truth[tested],
            reviewed=count_pairs(champion[live], challenger[live], truth[live]),
        )
        failed.update({check.name for check in decision.checks if not check.is_passed})
        failed["none, so promoted"] += decision.is_promoted
        is_right = [answers.argmax(axis=1)[tested] == truth[tested] for answers in (champion, challenger)]
        gains.append(is_right[1].mean() - is_right[0].mean())
    print(
        f"{len(truth) - arguments.live} faces and {arguments.live} live ones, {arguments.rounds} rounds, accuracy "
        f"{100 * np.mean(gains):+.2f} points on average; failed:"
    )
    print(", ".join(f"{name} {count / arguments.rounds:.1%}" for name, count in failed.most_common()))


def share_out(
    one: npt.NDArray[np.float32],
    other: npt.NDArray[np.float32],
    truth: npt.NDArray[np.int64],
    right: npt.NDArray[np.float64],
    random: np.random.Generator,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return champion's and challenger's probabilities, (N, 7) each: for each face those of one model, and of the other.

    right: float (N,), the probability that the challenger has the right prediction, where only one model has.
    """
    is_right = [answers.argmax(axis=1) == truth for answers in (one, other)]
    challenger_has_one = random.random(len(truth)) < np.where(
        is_right[0] == is_right[1], 0.5, np.where(is_right[0], right, 1 - right)
    )
    takes_one = challenger_has_one[:, None]
    return np.where(takes_one, other, one), np.where(takes_one, one, other)


if __name__ == "__main__":
    main()
