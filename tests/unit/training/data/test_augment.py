from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from training.data.augment import augment_batch, degrade_batch, mix_batch
from training.data.augmentation import Augmentation
from training.fit.runtime import tf

FACES = np.random.default_rng(1).integers(0, 256, (8, 48, 48, 1), np.uint8)
STRONG = Augmentation(
    flip=True, rotation_deg=20, shift=0.1, zoom=0.2, stretch=0.1, contrast=0.4, brightness=0.2, random_erasing=0.5
)


def augment(
    augmentation: Augmentation, *, faces: npt.NDArray[np.uint8] = FACES, seed: int = 1, side: int = 48
) -> npt.NDArray[np.float32]:
    made = augment_batch(tf.constant(faces), augmentation, seed=tf.constant([seed, 0]), side=side)
    changed: npt.NDArray[np.float32] = made.numpy()
    return changed


def test_no_augmentation_changes_nothing() -> None:
    assert np.array_equal(augment(Augmentation()), FACES)


def test_the_same_seed_gives_the_same_pictures_and_another_gives_others() -> None:
    assert np.array_equal(augment(STRONG), augment(STRONG))
    assert not np.array_equal(augment(STRONG), augment(STRONG, seed=2))


def test_pictures_stay_pictures_of_the_side_asked_for() -> None:
    for side in (32, 48):
        changed = augment(STRONG, side=side)
        assert changed.shape == (8, side, side, 1)
        assert changed.dtype == np.float32
        assert changed.min() >= 0
        assert changed.max() <= 255


def test_mirroring_alone_gives_the_face_or_its_mirror_image() -> None:
    changed = augment(Augmentation(flip=True))
    kinds = set()
    for before, after in zip(FACES.astype(np.float32), changed, strict=True):
        is_same, is_mirrored = np.allclose(after, before, atol=0.5), np.allclose(after, before[:, ::-1], atol=0.5)
        assert is_same or is_mirrored
        kinds.add(is_same)
    assert kinds == {True, False}


def test_a_smaller_side_shows_the_whole_face() -> None:
    gradient = np.tile(np.linspace(0, 255, 48, dtype=np.uint8), (1, 48, 1))[..., None]
    small = augment(Augmentation(), faces=gradient, side=24)[0, 12, :, 0]
    assert small[0] < 10
    assert small[-1] > 245
    assert (np.diff(small) > 0).all()


@pytest.mark.parametrize(
    "field", ["rotation_deg", "shift", "zoom", "stretch", "contrast", "brightness", "random_erasing"]
)
def test_every_kind_of_change_does_something(field: str) -> None:
    strength: Any = 20 if field == "rotation_deg" else 1.0 if field == "random_erasing" else 0.2
    assert not np.allclose(augment(Augmentation(**{field: strength})), FACES, atol=1)


def mix(*, concentration: float = 1.0, seed: int = 1) -> list[npt.NDArray[np.float32]]:
    """FACES, each of a class of its own, and weighing its number."""
    targets, weights = np.eye(8, dtype=np.float32), np.arange(8, dtype=np.float32)
    mixed = mix_batch(
        tf.constant(FACES.astype(np.float32)),
        tf.constant(targets),
        tf.constant(weights),
        concentration=concentration,
        seed=tf.constant([seed, 0]),
    )
    return [each.numpy() for each in mixed]


def test_a_mixed_face_teaches_what_its_two_faces_do_in_the_proportion_that_they_are_seen_in() -> None:
    faces, targets, weights = mix()
    own = targets.diagonal()
    assert ((own >= 0.5) & (own < 1)).all()
    assert np.allclose(targets.sum(axis=1), 1)
    assert np.allclose(faces, np.einsum("nk,kijc->nijc", targets, FACES.astype(np.float32)), atol=1e-2)
    assert np.allclose(weights, targets @ np.arange(8), atol=1e-5)


def test_mixtures_follow_from_the_seed_and_each_face_has_its_own() -> None:
    assert np.array_equal(mix()[1], mix()[1])
    assert not np.allclose(mix()[1], mix(seed=2)[1])
    assert len({round(float(share), 4) for share in mix()[1].diagonal()}) == 8


def test_a_low_concentration_hardly_mixes() -> None:
    own = np.concatenate([mix(concentration=0.01, seed=seed)[1].diagonal() for seed in range(20)])
    assert np.median(own) > 0.999
    assert np.isfinite(own).all()


def degrade(**amounts: Any) -> Any:
    augmentation = Augmentation(**amounts)
    faces = tf.constant(FACES.astype(np.float32))
    return degrade_batch(faces, augmentation, seed=tf.constant([3, 0]), side=48).numpy()


def test_half_of_the_faces_are_blurred_each_by_its_own_gaussian() -> None:
    changed = degrade(blur=1.5)
    assert np.array_equal(changed, degrade(blur=1.5))
    contrasts = changed.std(axis=(1, 2, 3)) / FACES.std(axis=(1, 2, 3))
    is_blurred = contrasts < 0.999
    assert 0 < is_blurred.sum() < 8
    assert len(np.unique(contrasts[is_blurred].round(3))) == is_blurred.sum()
    np.testing.assert_allclose(changed[~is_blurred], FACES[~is_blurred], atol=1e-3)
    for face, before in zip(changed[is_blurred], FACES[is_blurred], strict=True):  # is it a Gaussian of some width?
        blurred = [
            cv2.GaussianBlur(before[..., 0].astype(np.float32), (7, 7), sigma) for sigma in np.linspace(0.1, 1.5, 100)
        ]
        assert min(np.abs(face[..., 0] - each).max() for each in blurred) < 4


def test_half_of_the_faces_get_noise_and_stay_pictures() -> None:
    changed = degrade(noise=30)
    is_noisy = np.abs(changed - FACES).max(axis=(1, 2, 3)) > 0
    assert 0 < is_noisy.sum() < 8
    assert changed.min() >= 0
    assert changed.max() <= 255
    assert np.abs((changed - FACES)[is_noisy].mean()) < 3


def test_nothing_is_degraded_unless_asked() -> None:
    assert np.array_equal(degrade(), FACES)
