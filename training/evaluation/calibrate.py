"""Logits and truth of held-out rows -> the temperature that makes confidence mean what it says (Guo et al. 2017)."""

import numpy as np
import numpy.typing as npt

_RANGE = (0.05, 20.0)
_STEPS = 60
_GOLDEN = (5**0.5 - 1) / 2


def fit_temperature(logits: npt.NDArray[np.float32], truth: npt.NDArray[np.int64]) -> float:
    """The temperature with the least log-loss; dividing by it changes no answer, only how sure it sounds.

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


def _log_loss(logits: npt.NDArray[np.float32], truth: npt.NDArray[np.int64]) -> float:
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return float((np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(truth)), truth]).mean())
