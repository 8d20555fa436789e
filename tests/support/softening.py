# mypy: ignore-errors
"""Logits as probabilities."""

import numpy as np


def soften(logits):
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (exponents / exponents.sum(axis=1, keepdims=True)).astype(np.float32)
