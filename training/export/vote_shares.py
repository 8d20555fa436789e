"""Converts a version's probabilities to estimated shares of votes. NumPy only."""

import numpy as np
import numpy.typing as npt

from db.model_versions.records import VoteCalibration


def compute_vote_shares(
    probabilities: npt.NDArray[np.float32], calibration: VoteCalibration
) -> npt.NDArray[np.float32]:
    """Return vote shares, float32 (N, 7), each row summing to 1.

    probabilities: float (N, 7), of a version. They predict the choice of the majority; individual votes are more spread.
    """
    logits = calibration.scale * np.log(np.maximum(probabilities.astype(np.float64), 1e-12)) + calibration.offsets
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True), np.float32)
