"""Measures a classifier's milliseconds by runtime: TensorFlow, on a GPU if there is one, and LiteRT on one core, in 32 bits and, if
the processor is fast with them, in 8.

    python -m bench.analysis.runtimes [--model DIR] [--repeats 30]

Uses random crops, alternating between runtimes. Prints median and range, and the largest difference of a probability from
TensorFlow's.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np

from db.core.vocabulary import CROP_SIDE
from training.export.artifact import list_pretrained
from training.export.processor import has_int8_dot_product
from worker.analysis.classifier import Classifier, load_classifier

FACES = (1, 4, 16, 64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="folder of a model version; without, the one that ships")
    parser.add_argument("--repeats", type=int, default=30)
    arguments = parser.parse_args()
    folder = arguments.model or next(iter(list_pretrained().values()))

    classifiers: dict[str, Classifier] = {
        "tensorflow": load_classifier(folder, "tensorflow"),
        "litert": load_classifier(folder, "litert", allows_int8=False),
        "litert, int8": load_classifier(folder, "litert"),
    }
    if not has_int8_dot_product():
        del classifiers["litert, int8"]
    for classifier in classifiers.values():
        classifier.warm()
    crops = np.random.default_rng(0).integers(0, 256, (max(FACES), CROP_SIDE, CROP_SIDE), np.uint8)
    answers = [classifier.classify(crops) for classifier in classifiers.values()]
    apart = ", ".join(f"{np.abs(answers[0] - others).max():.2g}" for others in answers[1:])
    print(f"`auto` takes {load_classifier(folder).runtime}; largest differences {apart}")

    print("| faces | " + " | ".join(classifiers) + " |\n|" + " --- |" * (len(classifiers) + 1))
    for count in FACES:
        taken_ms: dict[str, list[float]] = {name: [] for name in classifiers}
        for _ in range(arguments.repeats):
            for name, classifier in classifiers.items():
                started = time.perf_counter()
                classifier.classify(crops[:count])
                taken_ms[name].append((time.perf_counter() - started) * 1000)
        cells = (f"{statistics.median(ms):.2f} ({min(ms):.2f} to {max(ms):.2f})" for ms in taken_ms.values())
        print(f"| {count} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
