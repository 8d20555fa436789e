"""Raises the temperature of faces that the crop shows under difficult conditions.

One temperature fits faces like the validation rows. On a covered, blurred or noisy face, the same network is as confident but
less often right. So a linear function of the crop's local statistics determines the increase. It is part of the served model, so
that all runtimes have it: docs/decisions/0211.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from db.core.vocabulary import CROP_SIDE
from training.fit.runtime import keras

_CELL = 8
_CELLS = (CROP_SIDE // _CELL) ** 2
FEATURES = 3 * _CELLS
MAX_LOG_FACTOR = 2.0
"""A factor of 7.4, at which the seven emotions are almost equally likely."""
_MIN_LOG_FACTOR = -0.3
_L2 = 0.01


@dataclass(frozen=True, slots=True)
class ConditionWeights:
    """Logarithm of the factor of a face's temperature: features @ weights + bias. weights: float32 (FEATURES,)."""

    weights: npt.NDArray[np.float32]
    bias: float


def measure_conditions(faces: "keras.KerasTensor") -> "keras.KerasTensor":
    """Return mean, contrast and sharpness of each of the crop's 36 cells: (N, 48, 48, 1), 0 to 255, to (N, FEATURES).

    The face is standardised first, so that overall light and contrast don't count.
    """
    ops = keras.ops
    from_mean = faces - ops.mean(faces, axis=(1, 2, 3), keepdims=True)
    std = ops.sqrt(ops.mean(from_mean * from_mean, axis=(1, 2, 3), keepdims=True))
    face = from_mean / ops.maximum(std, 1.0)
    pool = keras.layers.AveragePooling2D(_CELL)
    means = pool(face)
    variances = ops.maximum(pool(face * face) - means * means, 0.0)
    around = face[:, :-2, 1:-1] + face[:, 2:, 1:-1] + face[:, 1:-1, :-2] + face[:, 1:-1, 2:]
    edges = ops.pad(ops.abs(4.0 * face[:, 1:-1, 1:-1] - around), ((0, 0), (1, 1), (1, 1), (0, 0)))
    parts = (means, 0.5 * ops.log(variances + 0.01), ops.log(pool(edges) + 0.05))
    return ops.concatenate([ops.reshape(part, (-1, _CELLS)) for part in parts], axis=1)


def scale_logits(
    logits: "keras.KerasTensor", faces: "keras.KerasTensor", conditions: ConditionWeights
) -> "keras.KerasTensor":
    """Divide the logits (N, 7) by the factor of each face's crop (N, 48, 48, 1)."""
    layer = keras.layers.Dense(1, name="conditions")
    raised = layer(measure_conditions(faces))
    layer.set_weights([conditions.weights[:, None], np.array([conditions.bias], np.float32)])
    return logits / keras.ops.exp(keras.ops.clip(raised, _MIN_LOG_FACTOR, MAX_LOG_FACTOR))


def fit_conditions(
    features: npt.NDArray[np.float32],
    logits: npt.NDArray[np.float32],
    truth: npt.NDArray[np.int64],
    weights: npt.NDArray[np.float32],
) -> ConditionWeights:
    """Fit the function with the least log-loss, weighted by face.

    features: (N, FEATURES).
    logits: (N, 7).
    truth: (N,), 0 to 6.
    weights: (N,).
    """
    center, spread = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-3)
    inputs = ((features - center) / spread).astype(np.float64)
    centered = (logits - logits.mean(axis=1, keepdims=True)).astype(np.float64)
    share, rows = weights / weights.sum(), np.arange(len(truth))

    def measure_loss(flat: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        raised = inputs @ flat[:-1] + flat[-1]
        held = np.clip(raised, _MIN_LOG_FACTOR, MAX_LOG_FACTOR)
        scaled = centered * np.exp(-held)[:, None]
        top = scaled.max(axis=1, keepdims=True)
        log_shares = scaled - top - np.log(np.exp(scaled - top).sum(axis=1, keepdims=True))
        error = np.exp(log_shares)
        error[rows, truth] -= 1
        slope = -(error * scaled).sum(axis=1) * share * (held == raised)
        loss = -(share * log_shares[rows, truth]).sum() + _L2 / 2 * (flat[:-1] ** 2).sum()
        return float(loss), np.append(inputs.T @ slope + _L2 * flat[:-1], slope.sum())

    found = minimize(measure_loss, np.full(FEATURES + 1, 1e-6), jac=True, method="L-BFGS-B", options={"maxiter": 200}).x
    scaled_weights = (found[:-1] / spread).astype(np.float32)
    return ConditionWeights(scaled_weights, float(found[-1] - center @ scaled_weights))
