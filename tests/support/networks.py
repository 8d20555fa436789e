"""Crops for tests of networks."""

import numpy as np

CROPS = np.random.default_rng(5).integers(0, 256, (16, 48, 48), np.uint8)
