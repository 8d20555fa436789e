"""Random augmentation of a batch of faces that keeps their expression.

All functions are stateless: the same seed gives the same pictures, so that an interrupted run can be resumed exactly.
"""

import math

from db.core.vocabulary import CROP_SIDE
from training.data.augmentation import Augmentation
from training.data.covering import cover_batch
from training.fit.runtime import tf


def augment_batch(faces: "tf.Tensor", augmentation: Augmentation, *, seed: "tf.Tensor", side: int) -> "tf.Tensor":
    """Augment each face of a batch with its own random values, and resize it.

    faces: uint8 (N, S, S, 1).
    seed: int32 (2,).
    side: of the output, in pixels.
    Returns float32 (N, side, side, 1), 0 to 255.
    """
    pixels = tf.cast(faces, tf.float32)
    if augmentation.is_identity and faces.shape[1] == side:
        return pixels
    count = tf.shape(faces)[0]
    draws = tf.random.stateless_uniform((14, count), seed, -1.0, 1.0)
    pixels = _transform(pixels, augmentation, draws[:6], side)
    gain = 1.0 + augmentation.contrast * draws[6]
    offset = 255.0 * augmentation.brightness * draws[7]
    mean = tf.reduce_mean(pixels, axis=(1, 2, 3))
    pixels = (pixels - _each(mean)) * _each(gain) + _each(mean + offset)
    if augmentation.random_erasing:
        pixels = _erase(pixels, augmentation.random_erasing, (draws[8:13] + 1.0) / 2.0, side)
    return tf.clip_by_value(pixels, 0.0, 255.0)


def resize_batch(faces: "tf.Tensor", side: int) -> "tf.Tensor":
    """Resize faces (N, S, S, 1) to another side, in pixels."""
    return faces if faces.shape[1] == side else tf.image.resize(faces, (side, side))


def degrade_batch(faces: "tf.Tensor", augmentation: Augmentation, *, seed: "tf.Tensor", side: int) -> "tf.Tensor":
    """Make some faces harder to see, with random values: covered, out of focus, in low light, noisy.

    faces: float32 (N, side, side, 1), 0 to 255.
    seed: int32 (2,).
    Returns the same shape and range.
    """
    if augmentation.cover:
        faces = cover_batch(faces, chance=augmentation.cover, seed=seed + 2)
    if augmentation.blur or augmentation.noise:
        strengths = tf.maximum(tf.random.stateless_uniform((2, tf.shape(faces)[0]), seed, -1.0, 1.0), 0.0)
        if augmentation.blur:
            largest = augmentation.blur * side / CROP_SIDE
            faces = _blur(faces, largest * strengths[0], reach=math.ceil(2 * largest))
        if augmentation.noise:
            grain = tf.random.stateless_normal(tf.shape(faces), seed + 1)
            faces = tf.clip_by_value(faces + _each(augmentation.noise * strengths[1]) * grain, 0.0, 255.0)
    return dim_batch(faces, chance=augmentation.dim, seed=seed + 3) if augmentation.dim else faces


def dim_batch(faces: "tf.Tensor", *, chance: float, seed: "tf.Tensor") -> "tf.Tensor":
    """Darken some faces by up to 90 %, add sensor noise, and round to 8 bits.

    faces: float32 (N, S, S, 1), 0 to 255.
    seed: int32 (2,).
    Returns the same shape and range.
    """
    draws = tf.random.stateless_uniform((3, tf.shape(faces)[0]), seed)
    light = 0.1 * tf.pow(5.0, draws[1])  # log-uniform from 0.1 to 0.5
    grain = tf.random.stateless_normal(tf.shape(faces), seed + 1) * _each(2.0 * draws[2])
    dimmed = tf.clip_by_value(tf.round(faces * _each(light) + grain), 0.0, 255.0)
    return tf.where(_each(draws[0]) < chance, dimmed, faces)


def mix_batch(
    faces: "tf.Tensor", targets: "tf.Tensor", weights: "tf.Tensor", *, concentration: float, seed: "tf.Tensor"
) -> "tuple[tf.Tensor, tf.Tensor, tf.Tensor]":
    """Mix each face of a batch, and its target, with another one (mixup, Zhang et al. 2018).

    faces: float32 (N, S, S, 1).
    targets: float32 (N, 7).
    weights: float32 (N,).
    seed: int32 (2,).
    concentration: of the symmetric Beta distribution of the proportions: near 0 hardly mixed, at 1 uniform.
    Returns the same shapes. Each face keeps a share of at least one half.
    """
    gammas = tf.random.stateless_gamma((2, tf.shape(faces)[0]), seed, concentration)
    share = gammas[0] / tf.maximum(gammas[0] + gammas[1], 1e-20)
    share = tf.maximum(share, 1.0 - share)

    def mix(mine: "tf.Tensor", share: "tf.Tensor") -> "tf.Tensor":
        other = tf.roll(mine, 1, axis=0)  # batches are shuffled, so the previous face is a random one
        return share * mine + (1.0 - share) * other

    return mix(faces, _each(share)), mix(targets, share[:, None]), mix(weights, share)


def _each(values: "tf.Tensor") -> "tf.Tensor":
    return values[:, None, None, None]


def _transform(pixels: "tf.Tensor", augmentation: Augmentation, draws: "tf.Tensor", side: int) -> "tf.Tensor":
    """Return one affine map per face, from output to input pixels, about the centre of the picture."""
    source_side = float(pixels.shape[1])
    angle = draws[0] * (augmentation.rotation_deg * 3.141592653589793 / 180.0)
    zoom = source_side / side / (1.0 + augmentation.zoom * draws[1])
    stretch = 1.0 + augmentation.stretch * draws[2]
    sign = tf.where(draws[5] < 0, -1.0, 1.0) if augmentation.flip else tf.ones_like(zoom)
    cos, sin = tf.cos(angle), tf.sin(angle)
    a, b = cos * zoom * stretch * sign, -sin * zoom
    c, d = sin * zoom * stretch * sign, cos * zoom
    source_middle, middle = (source_side - 1) / 2, (side - 1) / 2
    x0 = source_middle * (1.0 + 2.0 * augmentation.shift * draws[3]) - (a + b) * middle
    y0 = source_middle * (1.0 + 2.0 * augmentation.shift * draws[4]) - (c + d) * middle
    zeros = tf.zeros_like(a)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=pixels,
        transforms=tf.stack([a, b, x0, c, d, y0, zeros, zeros], axis=1),
        output_shape=[side, side],
        interpolation="BILINEAR",
        fill_mode="REFLECT",
        fill_value=0.0,
    )


def _erase(pixels: "tf.Tensor", chance: float, draws: "tf.Tensor", side: int) -> "tf.Tensor":
    """Fill a rectangle of some faces with the face's mean grey."""
    places = tf.range(side, dtype=tf.float32)[None, :]
    height, width = (0.1 + 0.3 * draws[0]) * side, (0.1 + 0.3 * draws[1]) * side
    top, left = draws[2] * (side - height), draws[3] * (side - width)
    rows = (places >= top[:, None]) & (places < (top + height)[:, None])
    columns = (places >= left[:, None]) & (places < (left + width)[:, None])
    inside = rows[:, :, None, None] & columns[:, None, :, None] & _each(draws[4] < chance)
    return tf.where(inside, tf.reduce_mean(pixels, axis=(1, 2, 3), keepdims=True), pixels)


def _blur(pixels: "tf.Tensor", sigmas: "tf.Tensor", *, reach: int) -> "tf.Tensor":
    """Blur each face with a Gaussian of its own; sigmas: (N,), in pixels; reach: radius of the kernel, in pixels."""
    side = pixels.shape[1]
    offsets = tf.range(-reach, reach + 1, dtype=tf.float32)
    kernels = tf.nn.softmax(-((offsets / tf.maximum(sigmas, 1e-3)[:, None]) ** 2) / 2)
    near = tf.pad(pixels, [[0, 0], [reach, reach], [reach, reach], [0, 0]], "REFLECT")
    taps = range(2 * reach + 1)
    rows = tf.add_n([_each(kernels[:, tap]) * near[:, tap : tap + side] for tap in taps])
    return tf.add_n([_each(kernels[:, tap]) * rows[:, :, tap : tap + side] for tap in taps])
