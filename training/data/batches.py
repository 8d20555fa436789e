"""Makes the training batches of examples and a recipe; a resumed run gets the same batches."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from training.data.augment import augment_batch, degrade_batch, mix_batch, resize_batch
from training.fit.runtime import tf
from training.fit.settings import Recipe
from training.networks.normalize import normalize_faces


@dataclass(frozen=True, slots=True)
class Examples:
    """Training examples. images: uint8 (N, 48, 48). targets: float32 (N, 7), shares summing to 1. weights: float32 (N,)."""

    images: npt.NDArray[np.uint8]
    targets: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]


def make_batches(
    examples: Examples, recipe: Recipe, *, seed: int, epochs: range, side: int, shown_side: int | None = None
) -> "tf.data.Dataset":
    """Yield the batches of `epochs`, each epoch in an order and with augmentation determined by seed and epoch.

    side: input size of the network, in pixels.
    shown_side: that of its teachers, at least `side`; None without teachers.
    Yields float32 faces (B, side, side, 1), targets (B, 7) and weights (B,). With teachers the faces come twice: for the
    network, and for the teachers at `shown_side`, without blur and noise. An incomplete last batch of an epoch is dropped.
    """
    batch_size = min(recipe.batch_size, len(examples.images))
    count = len(examples.images)
    with tf.device("CPU"):  # augments on the CPU while a GPU trains
        images, targets = tf.constant(examples.images[..., None]), tf.constant(examples.targets)
        weights = tf.constant(examples.weights)

    def shuffle(epoch: "tf.Tensor") -> "tf.data.Dataset":
        order = tf.random.experimental.stateless_shuffle(
            tf.range(count), seed=tf.stack([seed, tf.cast(epoch, tf.int32)])
        )
        return tf.data.Dataset.from_tensor_slices(order).batch(batch_size, drop_remainder=True)

    def load(step: "tf.Tensor", rows: "tf.Tensor") -> tuple[Any, "tf.Tensor", "tf.Tensor"]:
        seeds = [tf.stack([seed + place, tf.cast(step, tf.int32)]) for place in (1, 2, 3)]
        faces = augment_batch(tf.gather(images, rows), recipe.augmentation, seed=seeds[0], side=shown_side or side)
        labels, counts = tf.gather(targets, rows), tf.gather(weights, rows)
        if recipe.mixup:
            faces, labels, counts = mix_batch(faces, labels, counts, concentration=recipe.mixup, seed=seeds[1])
        seen = degrade_batch(resize_batch(faces, side), recipe.augmentation, seed=seeds[2], side=side)
        if recipe.normalized:
            seen, faces = normalize_faces(seen), normalize_faces(faces)
        return seen if shown_side is None else (seen, faces), labels, counts

    orders = tf.data.Dataset.range(epochs.start, epochs.stop).flat_map(shuffle)
    first_step = epochs.start * (count // batch_size)
    numbered = tf.data.Dataset.zip(tf.data.Dataset.counter(first_step), orders)
    # On a CPU a second batch in parallel would only compete for cores; a GPU would wait for one.
    at_once = tf.data.AUTOTUNE if tf.config.list_physical_devices("GPU") else 1
    return numbered.map(load, num_parallel_calls=at_once, deterministic=True).prefetch(2)
