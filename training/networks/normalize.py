"""Stretches the contrast of low-contrast crops, such as those of dark photos, to that of the training set.

Part of the served model. Crops with usual contrast are unchanged: 3 % of FER2013's are below the limit (docs/decisions/0210).
"""

from training.fit.runtime import keras

LEAST_STD = 30.0
"""Standard deviation, of 255, from which a crop is unchanged."""
TARGET_STD, TARGET_MEAN = 40.0, 128.0
"""Target for crops below it."""
_NOISE_STD = 1.0
"""Rounding has left no face in a crop with less than this; it isn't stretched further."""


def normalize_faces(faces: "keras.KerasTensor") -> "keras.KerasTensor":
    """Stretch the contrast of low-contrast faces: (N, S, S, 1), float, 0 to 255; the same shape and range."""
    ops = keras.ops
    mean = ops.mean(faces, axis=(1, 2, 3), keepdims=True)
    from_mean = faces - mean
    std = ops.sqrt(ops.mean(from_mean * from_mean, axis=(1, 2, 3), keepdims=True))
    stretched = ops.clip(from_mean * (TARGET_STD / ops.maximum(std, _NOISE_STD)) + TARGET_MEAN, 0.0, 255.0)
    return ops.where(std < LEAST_STD, stretched, faces)
