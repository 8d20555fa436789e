"""Compares images per second of our training loop with a bare `model.fit`, and with the report's PNG folders.

    python -m bench.training.throughput [--network report] [--rows 2048] [--rounds 3] [--precision auto]

All use the same network, precision, batch size, optimizer and (random) pictures: one warm-up epoch, then rounds of one epoch,
alternating. Prints the median of each, and median and range of its ratio to the bare fit; first by wall-clock time, then by
processor time, which other load affects less. No validation and no augmentation unless the line says so.
"""

import argparse
import dataclasses
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import numpy.typing as npt

from db.core.vocabulary import EMOTIONS, Architecture
from training.data.augmentation import Augmentation
from training.data.batches import Examples, make_batches
from training.data.dataset import Dataset
from training.data.image_folders import export_folders
from training.fit.runtime import computing_in, keras, tf
from training.fit.settings import RECIPES, Precision, Recipe, Stage
from training.networks.build import build_network

Epoch = Callable[[], object]


def main() -> None:
    """Print images per second of each method, and its ratio to the bare `model.fit`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", type=Architecture, default=Architecture.REPORT)
    parser.add_argument("--rows", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--precision", choices=get_args(Precision), default="auto")
    arguments = parser.parse_args()
    recipe = RECIPES[arguments.network]
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (arguments.rows, 48, 48), np.uint8)
    labels = random.integers(0, len(EMOTIONS), arguments.rows)
    with tempfile.TemporaryDirectory() as folder:
        dataset = Dataset(images, labels, np.zeros(arguments.rows, np.uint8))
        export_folders(dataset, dataset.parts, Path(folder))
        with computing_in(arguments.precision):
            ways = _prepare_ways(arguments.network, recipe, images, labels, Path(folder) / "Training")
        for epoch in ways.values():
            epoch()
        for clock_name, clock in (("second", time.perf_counter), ("second of processor time", time.process_time)):
            _compare(ways, clock, clock_name, arguments.rows, arguments.rounds)


def _compare(ways: dict[str, Epoch], clock: Callable[[], float], clock_name: str, rows: int, rounds: int) -> None:
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, epoch in ways.items():
            started = clock()
            epoch()
            seconds[name].append(clock() - started)
    bare = next(iter(seconds.values()))
    for name, taken in seconds.items():
        ratios = [first / own for first, own in zip(bare, taken, strict=True)]
        print(
            f"{name}: {rows / statistics.median(taken):.0f} images a {clock_name}, {statistics.median(ratios):.2f} of bare "
            f"({min(ratios):.2f} to {max(ratios):.2f})",
            flush=True,
        )


def _prepare_ways(
    architecture: Architecture,
    recipe: Recipe,
    images: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.int64],
    folder: Path,
) -> dict[str, Epoch]:
    batch_size, steps = recipe.batch_size, len(images) // recipe.batch_size
    targets = np.eye(len(EMOTIONS), dtype=np.float32)[labels]
    plain = dataclasses.replace(recipe, stages=(Stage(1.0, 48),), augmentation=Augmentation())
    strong = dataclasses.replace(plain, augmentation=RECIPES[Architecture.DEFAULT].augmentation)
    examples = Examples(images, targets, np.ones(len(images), np.float32))
    faces = images[..., None].astype(np.float32)

    def fit_bare() -> Epoch:
        network = _compile(architecture)
        return lambda: network.fit(faces, targets, batch_size, verbose=0)

    def fit_ours(changed: Recipe) -> Epoch:
        network, batches = _compile(architecture), make_batches(examples, changed, seed=1, epochs=range(99), side=48)
        return lambda: network.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0)

    def fit_folders() -> Epoch:
        network = _compile(architecture)
        pictures = keras.utils.image_dataset_from_directory(
            folder,
            label_mode="categorical",
            color_mode="grayscale",
            image_size=(48, 48),
            batch_size=batch_size,
            verbose=False,
        ).prefetch(tf.data.AUTOTUNE)
        return lambda: network.fit(pictures, verbose=0)

    return {
        "bare model.fit on arrays": fit_bare(),
        "ours": fit_ours(plain),
        "ours, with augmentation": fit_ours(strong),
        "PNG folders through Keras": fit_folders(),
    }


def _compile(architecture: Architecture) -> "keras.Model":
    network = build_network(architecture)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    network.compile("adam", loss, weighted_metrics=["accuracy"], jit_compile=False)
    return network


if __name__ == "__main__":
    main()
