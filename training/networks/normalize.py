"""Crops of little contrast, as dark photos give them, brought to the contrast that networks learn from.

Part of the served model, so that whatever calls it gets the same. Crops of usual contrast pass unchanged: 3 % of FER2013's are
below the limit (docs/decisions/0210).
"""

from training.fit.runtime import keras

LEAST_STD = 30.0
"""Standard deviation, of 255, from which a crop passes as it is."""
TARGET_STD, TARGET_MEAN = 40.0, 128.0
"""What a crop below is brought to."""
_NOISE_STD = 1.0
"""A crop with less than this has no face in it that rounding left; it isn't enlarged further."""


def normalize_faces(faces: "keras.KerasTensor") -> "keras.KerasTensor":
    """Stretch the contrast of the faces that have little: (N, S, S, 1), float, 0 to 255; the same shape and range."""
    ops = keras.ops
    mean = ops.mean(faces, axis=(1, 2, 3), keepdims=True)
    from_mean = faces - mean
    std = ops.sqrt(ops.mean(from_mean * from_mean, axis=(1, 2, 3), keepdims=True))
    stretched = ops.clip(from_mean * (TARGET_STD / ops.maximum(std, _NOISE_STD)) + TARGET_MEAN, 0.0, 255.0)
    return ops.where(std < LEAST_STD, stretched, faces)
