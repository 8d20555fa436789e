"""Noise faces for evaluation sets."""

import numpy as np

FACES = np.random.default_rng(0).integers(60, 200, (5, 48, 48)).astype(np.uint8)
