"""Distillation: predictions of other versions as part of the targets (Hinton et al. 2015).

The teachers see the student's augmented picture, so that their predictions fit it and never repeat; trained this way, and for
long, a small network comes close to a large one (Beyer et al. 2022). Blur and noise aren't applied for teachers: what a clear
picture shows is also true of the blurred one. Each teacher uses its training temperature, not the calibrated one, because its
shares should be like the labels' shares. The logits of several teachers are averaged.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from training.data.augment import resize_batch
from training.data.batches import Examples
from training.export.artifact import read_manifest
from training.export.served import rebuild_network
from training.fit.runtime import keras, tf
from training.networks.normalize import normalize_faces

_ASKED_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Teachers:
    """Versions used as teachers.

    ask: from faces (N, S, S, 1), grey, 0 to 255, to predictions, float32 (N, 7), shares summing to 1. side: the largest input
    size of any teacher, in pixels; each resizes the faces to its own.
    """

    ask: Callable[["tf.Tensor"], "tf.Tensor"]
    side: int


def load_teachers(folders: Sequence[Path]) -> Teachers:
    """Load the versions in these folders, at least one, in the current precision.

    Raises ArtifactError for a folder without a complete version.
    """
    manifests = [read_manifest(folder) for folder in folders]
    sides = [manifest.lineage.settings["recipe"]["stages"][-1]["input_size"] for manifest in manifests]
    are_normalized = [manifest.normalized for manifest in manifests]
    networks = [rebuild_network(folder) for folder in folders]

    def ask(faces: "tf.Tensor") -> "tf.Tensor":
        logits = []
        for network, side, is_normalized in zip(networks, sides, are_normalized, strict=True):
            seen = resize_batch(faces, side)
            logits.append(network(normalize_faces(seen) if is_normalized else seen, training=False))
        return tf.nn.softmax(tf.add_n(logits) / len(logits))

    return Teachers(tf.function(ask, reduce_retracing=True), max(sides))


def blend_targets(training: Examples, teachers: Teachers, share: float) -> Examples:
    """Return the examples with the teachers' predictions for the clean faces as that share of the targets.

    The predictions for each face and its mirror image are averaged; the rest of a target is the label.
    """
    answers = []
    for start in range(0, len(training.images), _ASKED_AT_ONCE):
        faces = tf.cast(training.images[start : start + _ASKED_AT_ONCE, ..., None], tf.float32)
        answers.append((teachers.ask(faces) + teachers.ask(faces[:, :, ::-1])).numpy() / 2)
    targets = (1 - share) * training.targets + share * np.concatenate(answers)
    return replace(training, targets=targets.astype(np.float32))


class Student(keras.Model):  # type: ignore[misc] # Keras ships no types
    """A network that learns from its teachers' predictions besides the labels."""

    def __init__(self, network: "keras.Model", teachers: Teachers, share: float) -> None:
        """share: share of the target that comes from the teachers; the rest is the label."""
        super().__init__(name=network.name)
        self._network, self._teachers, self._share = network, teachers, share

    def call(self, inputs: "tuple[tf.Tensor, tf.Tensor]", training: bool | None = None) -> "tf.Tensor":  # noqa: FBT001 - Keras's signature
        """Return the network's logits (N, 7). inputs: faces twice, as `make_batches` yields them."""
        faces, _ = inputs
        return self._network(faces, training=training)

    def train_step(self, data: Any) -> dict[str, "tf.Tensor"]:
        """Train on one batch: faces twice, as `make_batches` yields them, targets (N, 7), weights (N,)."""
        (faces, shown), labels, weights = data
        targets = (1 - self._share) * labels + self._share * self._teachers.ask(shown)
        figures: dict[str, tf.Tensor] = super().train_step(((faces, shown), targets, weights))
        return figures
