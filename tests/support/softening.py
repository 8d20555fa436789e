"""Logits as probabilities."""

from typing import Any

import numpy as np
import numpy.typing as npt


def soften(logits: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float32]:
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: npt.NDArray[np.float32] = (exponents / exponents.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares
