import dataclasses
from typing import Any

import numpy as np
import pytest

from training.data.augmentation import Augmentation
from training.data.batches import Examples, make_batches
from training.fit.runtime import tf
from training.fit.settings import Recipe

RECIPE = Recipe(
    epochs=2,
    batch_size=20,
    learning_rate=1e-3,
    schedule="cosine",
    augmentation=Augmentation(flip=True, rotation_deg=15, random_erasing=0.5),
)
BLURRED = dataclasses.replace(RECIPE, augmentation=dataclasses.replace(RECIPE.augmentation, blur=2.0, noise=20.0))
FACES = np.random.default_rng(3).integers(0, 256, (40, 48, 48), np.uint8)
EXAMPLES = Examples(FACES, np.eye(7, dtype=np.float32)[np.arange(40) % 7], np.arange(1, 41, dtype=np.float32))


def collect(recipe: Recipe = RECIPE, *, epochs: range = range(1), side: int = 32, **others: Any) -> list[Any]:
    return list(make_batches(EXAMPLES, recipe, seed=1, epochs=epochs, side=side, **others).as_numpy_iterator())


def test_an_epoch_has_each_row_once_with_its_label_and_weight() -> None:
    batches = collect()
    weights = np.concatenate([weights for _, _, weights in batches])
    labels = np.concatenate([labels for _, labels, _ in batches])
    assert sorted(weights) == list(range(1, 41))
    assert np.array_equal(labels.argmax(axis=1), (weights - 1) % 7)


@pytest.mark.parametrize("recipe", [RECIPE, dataclasses.replace(BLURRED, mixup=0.5)])
def test_an_epoch_is_the_same_whether_a_run_comes_to_it_or_begins_with_it(recipe: Recipe) -> None:
    both, second = collect(recipe, epochs=range(2)), collect(recipe, epochs=range(1, 2))
    for expected, batch in zip(both[2:], second, strict=True):
        assert all(map(np.array_equal, expected, batch))
    assert not np.array_equal(both[0][0], both[2][0])


def test_teachers_see_the_faces_that_the_network_sees_changed_as_they_are_and_as_large_as_they_can() -> None:
    for (seen, shown), _, _ in collect(shown_side=40):
        assert (seen.shape, shown.shape) == ((20, 32, 32, 1), (20, 40, 40, 1))
        np.testing.assert_allclose(seen, tf.image.resize(shown, (32, 32)), atol=1e-3)
        assert not np.isin(shown, FACES).all()  # turned faces have greys between those of pixels


@pytest.mark.parametrize("change", [{"cover": 1.0}, {"dim": 1.0}])
def test_coverings_and_little_light_are_drawn_while_batches_are_made(change: dict[str, Any]) -> None:
    changed = dataclasses.replace(RECIPE, augmentation=dataclasses.replace(RECIPE.augmentation, **change))
    for (plain, _, _), (drawn, _, _) in zip(collect(), collect(changed), strict=True):
        assert (np.abs(plain - drawn).reshape(len(plain), -1).max(axis=1) > 1).all()


def test_teachers_are_spared_blur_and_noise() -> None:
    for clear, blurred in zip(collect(shown_side=40), collect(BLURRED, shown_side=40), strict=True):
        assert np.array_equal(clear[0][1], blurred[0][1])
        assert not np.allclose(clear[0][0], blurred[0][0], atol=1)


def test_mixup_mixes_what_the_rows_teach() -> None:
    for mixup, is_mixed in ((0.0, False), (1.0, True)):
        sharpest = [targets.max(axis=1) for _, targets, _ in collect(dataclasses.replace(RECIPE, mixup=mixup))]
        assert (np.mean(np.concatenate(sharpest) < 0.95) > 0.5) == is_mixed
