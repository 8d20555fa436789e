"""Draws masks, dark glasses and hands over some training faces.

Expressions of covered faces are harder to recognize, and a network that never saw one is overconfident: with a mask drawn over
FER2013's faces, a version trained without them is right on a third, with a mean confidence of four fifths.
"""

from training.fit.runtime import tf

_MASK_SHARE, _GLASSES_SHARE = 0.4, 0.3
"""Share of the covered faces; the others get a hand."""


def cover_batch(faces: "tf.Tensor", *, chance: float, seed: "tf.Tensor") -> "tf.Tensor":
    """Draw one covering over some faces, each with random position, size and grey.

    faces: float32 (N, S, S, 1), 0 to 255.
    chance: probability that a face is covered, 0 to 1.
    seed: int32 (2,).
    Returns the same shape and range.
    """
    count, side = tf.shape(faces)[0], faces.shape[1]
    draws = tf.random.stateless_uniform((9, count), seed)
    places = (tf.range(side, dtype=tf.float32) + 0.5) / float(side)
    x = places[None, None, :] + 0.06 * (_each(draws[2]) - 0.5)
    y = places[None, :, None] + 0.06 * (_each(draws[3]) - 0.5)
    kind, shape = _each(draws[1]), [_each(draws[row]) for row in range(4, 8)]
    is_mask, is_glasses = kind < _MASK_SHARE, kind >= 1.0 - _GLASSES_SHARE
    inside = tf.where(
        is_mask, _in_mask(x, y, shape), tf.where(is_glasses, _in_glasses(x, y, shape), _in_hand(x, y, shape))
    )
    covered = inside & (_each(draws[0]) < chance)
    mean = tf.reduce_mean(faces, axis=(1, 2, 3))[:, None, None]
    shade = _each(draws[8])
    grey = tf.where(is_mask, 50.0 + 200.0 * shade, tf.where(is_glasses, 60.0 * shade, mean + 80.0 * (shade - 0.4)))
    # Folds and fingers: with one flat grey, the network would learn to detect that.
    folds = 10.0 * tf.sin(40.0 * (y + (shape[0] - 0.5) * x) + 6.0 * shade)
    drawn = tf.clip_by_value(grey + folds + tf.zeros_like(x + y), 0.0, 255.0)
    return tf.where(covered[..., None], drawn[..., None], faces)


def _each(values: "tf.Tensor") -> "tf.Tensor":
    return values[:, None, None]


def _in_mask(x: "tf.Tensor", y: "tf.Tensor", shape: "list[tf.Tensor]") -> "tf.Tensor":
    """The area below a line over the nose that descends towards the ears, narrower towards the chin."""
    from_middle = tf.abs(x - 0.5)
    top = 0.48 + 0.14 * shape[1] + (0.1 + 0.3 * shape[2]) * from_middle
    half_width = 0.34 + 0.12 * shape[3] - 0.25 * tf.maximum(y - 0.75, 0.0)
    return (y > top) & (from_middle < half_width)


def _in_glasses(x: "tf.Tensor", y: "tf.Tensor", shape: "list[tf.Tensor]") -> "tf.Tensor":
    """Two ellipses over the eyes, and the bridge between them."""
    from_middle, level = tf.abs(x - 0.5), 0.36 + 0.08 * shape[1]
    wide, high = 0.12 + 0.06 * shape[2], 0.08 + 0.07 * shape[3]
    lens = ((from_middle - 0.2) / wide) ** 2 + ((y - level) / high) ** 2 < 1.0
    bridge = (from_middle < 0.2) & (tf.abs(y - level + 0.02) < 0.015)
    return lens | bridge


def _in_hand(x: "tf.Tensor", y: "tf.Tensor", shape: "list[tf.Tensor]") -> "tf.Tensor":
    """A slanted ellipse anywhere between cheeks and chin."""
    center_x, center_y = 0.15 + 0.7 * shape[1], 0.55 + 0.35 * shape[2]
    angle = 3.14159 * shape[3]
    along = (x - center_x) * tf.cos(angle) + (y - center_y) * tf.sin(angle)
    across = (y - center_y) * tf.cos(angle) - (x - center_x) * tf.sin(angle)
    return (along / (0.24 + 0.12 * shape[0])) ** 2 + (across / 0.2) ** 2 < 1.0
