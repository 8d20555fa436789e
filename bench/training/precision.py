"""Measures training images per second by precision, and with Keras's batch normalisation compared with ours.

    python -m bench.training.precision [--network default] [--rows 2048] [--rounds 5] [--side 40]

Random pictures, the recipe's batch and augmentation, plain Adam; one warm-up epoch, then rounds of one epoch, alternating. Prints
images per second, and the median and range of the ratios to float32 with Keras's own layers.
"""

import argparse
import statistics
import time

import numpy as np

from db.core.vocabulary import EMOTIONS, Architecture
from training.data.batches import Examples, make_batches
from training.fit.runtime import computing_in, keras
from training.fit.settings import RECIPES, Precision
from training.networks.build import build_network

_WAYS: tuple[tuple[Precision, bool], ...] = (
    ("float32", False),
    ("float32", True),
    ("bfloat16", False),
    ("bfloat16", True),
)


def main() -> None:
    """Print a line for each way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", type=Architecture, default=Architecture.DEFAULT)
    parser.add_argument("--rows", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--side", type=int, default=40)
    arguments = parser.parse_args()
    recipe = RECIPES[arguments.network]
    random = np.random.default_rng(0)
    targets = np.eye(len(EMOTIONS), dtype=np.float32)[random.integers(0, len(EMOTIONS), arguments.rows)]
    images = random.integers(0, 256, (arguments.rows, 48, 48), np.uint8)
    examples = Examples(images, targets, np.ones(arguments.rows, np.float32))
    seconds: dict[tuple[Precision, bool], list[float]] = {way: [] for way in _WAYS}
    networks = {way: _compile(arguments.network, *way) for way in _WAYS}
    batches = make_batches(examples, recipe, seed=1, epochs=range(999), side=arguments.side)
    steps = arguments.rows // recipe.batch_size
    for taken_round in range(arguments.rounds + 1):
        for way, network in networks.items():
            started = time.perf_counter()
            network.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0)
            if taken_round:
                seconds[way].append(time.perf_counter() - started)
    for (precision, is_fused), taken in seconds.items():
        ratios = [first / own for first, own in zip(seconds[_WAYS[0]], taken, strict=True)]
        name = f"{precision}, {'one kernel' if is_fused else 'layers of Keras'}"
        print(
            f"{name}: {arguments.rows / statistics.median(taken):.0f} images a second, {statistics.median(ratios):.2f} times "
            f"({min(ratios):.2f} to {max(ratios):.2f})",
            flush=True,
        )


def _compile(architecture: Architecture, precision: Precision, is_fused: bool) -> "keras.Model":  # noqa: FBT001
    with computing_in(precision):
        network = build_network(architecture, is_learning=is_fused)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    network.compile("adam", loss, weighted_metrics=["accuracy"], jit_compile=False)
    return network


if __name__ == "__main__":
    main()
