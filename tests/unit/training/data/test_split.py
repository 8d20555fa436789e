import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.data.split import split_rows


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 300), st.integers(0, 2**32 - 1), st.floats(0.05, 0.95))
def test_every_row_is_on_one_side_and_copies_on_the_same(count: int, seed: int, share: float) -> None:
    random = np.random.default_rng(seed)
    groups = random.integers(0, max(1, count // 2), count)
    labels = groups % 7
    training, held_out = split_rows(labels, groups, held_out=share, seed=seed)
    assert sorted([*training, *held_out]) == list(range(count))
    assert not set(groups[training]) & set(groups[held_out])


def test_each_class_gives_its_share() -> None:
    labels = np.repeat([0, 1, 2], [1000, 100, 10])
    _, held_out = split_rows(labels, np.arange(len(labels)), held_out=0.3, seed=1)
    assert np.bincount(labels[held_out]).tolist() == [300, 30, 3]


def test_the_seed_decides() -> None:
    labels, groups = np.zeros(100, int), np.arange(100)
    first, again, other = (split_rows(labels, groups, held_out=0.3, seed=seed)[1].tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5])
def test_a_share_outside_its_range_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        split_rows(np.zeros(3, int), np.arange(3), held_out=share, seed=1)
