"""Fits the calibration of a version on validation rows.

The temperature makes confidence equal to accuracy (Guo et al. 2017). Vote shares undo it: they estimate the share of people who
would choose each emotion.
"""

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from db.model_versions.records import VoteCalibration

_RANGE = (0.05, 20.0)
_STEPS = 60
_GOLDEN = (5**0.5 - 1) / 2


def fit_temperature(logits: npt.NDArray[np.float32], truth: npt.NDArray[np.int64]) -> float:
    """Return the temperature with the least log-loss. Dividing logits by it changes only the confidence, not the predicted emotion.

    logits: float (N, 7). truth: int (N,), 0 to 6. Found by golden-section search; the log-loss has one minimum.
    """
    low, high = np.log(_RANGE)
    for _ in range(_STEPS):
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        if _log_loss(logits / np.exp(left), truth) < _log_loss(logits / np.exp(right), truth):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def fit_vote_shares(probabilities: npt.NDArray[np.float32], votes: npt.NDArray[np.float32]) -> VoteCalibration:
    """Return the scale and offsets that convert a version's probabilities to people's votes with the least cross-entropy.

    probabilities: float (N, 7), as served. votes: float (N, 7), shares of voters, each row summing to 1.
    """
    logits = np.log(np.maximum(probabilities.astype(np.float64), 1e-12))

    def measure_loss(parameters: npt.NDArray[np.float64]) -> float:
        shifted = np.exp(parameters[0]) * logits + parameters[1:]
        shifted -= shifted.max(axis=1, keepdims=True)
        return float(-(votes * (shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))).sum(axis=1).mean())

    found = minimize(measure_loss, np.zeros(1 + logits.shape[1]), method="L-BFGS-B").x
    offsets = found[1:] - found[1:].mean()
    return VoteCalibration(float(np.exp(found[0])), tuple(round(offset, 6) for offset in offsets.tolist()))


def _log_loss(logits: npt.NDArray[np.float32], truth: npt.NDArray[np.int64]) -> float:
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return float((np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(truth)), truth]).mean())
