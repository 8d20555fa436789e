"""Which proposals of the back-camera network may be faces, by where their keypoints lie. Only these get a close look at first.

A close look takes 1.7 ms, and this saves 40 % of those at false proposals: docs/decisions/0100-default-detector.md.
"""

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from worker.analysis.detectors.base import Candidates

Floats = npt.NDArray[np.float32]

MAX_SQUARE = 25.0
"""Five deviations from the mean, squared; what is further off counts as this far."""

_TINY = np.float32(1e-6)


class FaceShape(NamedTuple):
    """How keypoints of true proposals lie, and what makes a proposal one. See `bench.detectors.fit_proposals`.

    center, spread: float32 (F,), of the features that `measure_shapes` gives. weights: float32 (2 F,), of the features in
    deviations, then of their squares. bias: added to their sum. least: the sum from which a proposal is plausible.
    """

    center: Floats
    spread: Floats
    weights: Floats
    bias: float
    least: float


def find_plausible(proposals: Candidates) -> npt.NDArray[np.bool_]:
    """Which proposals may be faces, bool (N,). They have BlazeFace's six landmarks."""
    if not len(proposals.scores):
        return np.zeros(0, bool)
    shape = load_face_shape()
    return rate_shapes(measure_shapes(proposals), shape) >= shape.least


def rate_shapes(features: Floats, shape: FaceShape) -> Floats:
    """Logarithm of the odds that each is a face, float32 (N,). features: as `measure_shapes` gives them."""
    return np.asarray(expand_features(features, shape.center, shape.spread) @ shape.weights + shape.bias, np.float32)


def expand_features(features: Floats, center: Floats, spread: Floats) -> Floats:
    """Features (N, F) in deviations from the mean, and their squares: float32 (N, 2 F)."""
    standard = (features - center) / spread
    return np.asarray(np.concatenate([standard, np.minimum(standard**2, MAX_SQUARE)], axis=1), np.float32)


def measure_shapes(proposals: Candidates) -> Floats:
    """The features of N proposals, float32 (N, 12), the same whatever the size and the turn of a face.

    The log-odds of the score; the distance of the eyes, in widths of the box; then, from the point between the eyes, along the
    line through them and across it, in distances of the eyes: nose, mouth, both ears, and the middle of the box.
    """
    assert proposals.landmarks is not None
    odds = np.log(proposals.scores / (1 - proposals.scores + np.float32(1e-4)))
    middle = (proposals.extents[:, :2] + proposals.extents[:, 2:]) / 2
    width = np.maximum(proposals.extents[:, 2] - proposals.extents[:, 0], _TINY)
    points = np.concatenate([proposals.landmarks, middle[:, np.newaxis]], axis=1)
    between = points[:, :2].mean(axis=1, keepdims=True)
    eyes = points[:, 1] - points[:, 0]
    distance = np.maximum(np.linalg.norm(eyes, axis=1), _TINY)
    along = (eyes / distance[:, np.newaxis])[:, np.newaxis]
    across = np.stack([-along[..., 1], along[..., 0]], axis=-1)
    others = points[:, 2:] - between
    places = np.stack([(others * along).sum(axis=2), (others * across).sum(axis=2)], axis=2) / distance[:, None, None]
    return np.asarray(
        np.concatenate(
            [odds[:, np.newaxis], (distance / width)[:, np.newaxis], places.reshape(len(places), 10)], axis=1
        ),
        np.float32,
    )


@cache
def load_face_shape() -> FaceShape:
    """What is stored beside this module."""
    stored = json.loads(Path(__file__).with_name("proposals.json").read_text(encoding="utf-8"))
    center, spread, weights = (np.array(stored[name], np.float32) for name in ("center", "spread", "weights"))
    return FaceShape(center, spread, weights, stored["bias"], stored["least"])
