import numpy as np
import pytest

from db.model_versions.records import VoteCalibration
from training.evaluation.calibrate import fit_vote_shares
from training.export.vote_shares import compute_vote_shares

RANDOM = np.random.default_rng(0)


def test_a_temperature_is_undone() -> None:
    logits = RANDOM.normal(size=(20, 7))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    sharp = shares**2 / (shares**2).sum(axis=1, keepdims=True)
    assert compute_vote_shares(sharp, VoteCalibration(0.5)) == pytest.approx(shares, abs=1e-5)


def test_the_fit_finds_the_scale_and_a_favoured_class() -> None:
    logits = RANDOM.normal(0, 2, (3000, 7))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    votes = compute_vote_shares(probabilities, VoteCalibration(0.6, (0, 0, 0, 0, 0.5, 0, 0)))
    found = fit_vote_shares(probabilities.astype(np.float32), votes)
    assert found.scale == pytest.approx(0.6, abs=0.01)
    assert found.offsets[4] - found.offsets[0] == pytest.approx(0.5, abs=0.02)
