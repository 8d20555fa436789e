"""Crops for tests of networks, and a network that takes a tenth of the time of a shipped one to trace and to convert."""

import numpy as np

from training.fit.runtime import keras

CROPS = np.random.default_rng(5).integers(0, 256, (16, 48, 48), np.uint8)


def build_quick_network() -> keras.Model:
    """Build a network for faces of any size. Most of its file is weights, as with the shipped ones."""
    faces = keras.Input((None, None, 1), name="faces")
    x = keras.layers.Conv2D(32, 3, 2)(keras.layers.Rescaling(1 / 255)(faces))
    x = keras.layers.Conv2D(128, 3, 2)(keras.layers.ReLU()(keras.layers.BatchNormalization()(x)))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(x))
    return keras.Model(faces, keras.layers.Dense(7, name="emotions")(x), name="quick")
