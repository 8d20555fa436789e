import numpy as np

from training.data.augment import degrade_batch, dim_batch
from training.data.augmentation import Augmentation
from training.data.covering import cover_batch
from training.fit.runtime import tf

FACES = tf.constant(np.random.default_rng(0).integers(60, 200, (30, 40, 40, 1)), tf.float32)
SEED = tf.constant([1, 2])


def test_every_face_or_none_is_covered_as_the_chance_says() -> None:
    covered = cover_batch(FACES, chance=1.0, seed=SEED).numpy()
    shares = (covered != FACES.numpy()).mean(axis=(1, 2, 3))
    assert shares.min() > 0.03
    assert shares.max() < 0.6
    assert (cover_batch(FACES, chance=0.0, seed=SEED).numpy() == FACES.numpy()).all()
    assert 0 <= covered.min() <= covered.max() <= 255


def test_the_same_seed_covers_alike() -> None:
    first = cover_batch(FACES, chance=0.5, seed=SEED).numpy()
    assert (first == cover_batch(FACES, chance=0.5, seed=SEED).numpy()).all()


def test_dimmed_faces_lose_light_and_are_whole_numbers() -> None:
    dimmed = dim_batch(FACES, chance=1.0, seed=SEED).numpy()
    assert (dimmed.mean(axis=(1, 2, 3)) < 0.55 * FACES.numpy().mean(axis=(1, 2, 3))).all()
    assert (dimmed == np.round(dimmed)).all()


def test_covering_and_low_light_are_part_of_degrading() -> None:
    harder = degrade_batch(FACES, Augmentation(cover=1.0, dim=1.0), seed=SEED, side=40).numpy()
    assert harder.mean() < 0.6 * FACES.numpy().mean()
