from pathlib import Path

import numpy as np
import pytest

from db.core.vocabulary import EMOTIONS, Architecture, Emotion
from training.data.corrections import (
    BLURRED,
    LIKE_HOLDOUT,
    OVER_SHARE,
    TOO_SMALL,
    VOTES_A_LABEL,
    LabelledFaces,
    add_corrections,
    find_near_copies,
    measure_sharpness,
    refuse_corrections,
)
from training.data.dataset import Dataset, read_dataset
from training.data.examples import make_examples
from training.fit.settings import RECIPES, TrainSettings


@pytest.fixture
def dataset(small_csv: Path) -> Dataset:
    return read_dataset(small_csv)


def draw(seed: int) -> np.ndarray:
    """A sharp picture that is like no other."""
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 12), np.uint8)
    return coarse.repeat(4, axis=0).repeat(4, axis=1)


def make_faces(count: int, emotion: Emotion = Emotion.SAD) -> LabelledFaces:
    return LabelledFaces(
        images=np.stack([draw(seed) for seed in range(count)]),
        labels=np.full(count, EMOTIONS.index(emotion)),
        face_px=np.full(count, 100),
    )


def test_corrections_come_last_as_training_rows(dataset: Dataset) -> None:
    both = add_corrections(dataset, make_faces(3))
    assert (len(both.images), both.corrections) == (len(dataset.images) + 3, 3)
    assert both.find_part("Training")[-3:].tolist() == [len(dataset.images) + place for place in range(3)]
    assert both.sha256 != dataset.sha256
    assert add_corrections(dataset, make_faces(3).select(np.zeros(3, bool))) is dataset


def test_a_label_counts_as_votes_of_people_who_agree(small_csv: Path, small_votes: Path) -> None:
    both = add_corrections(read_dataset(small_csv, small_votes), make_faces(1, Emotion.FEARFUL))
    assert both.votes is not None
    expected = np.zeros(len(EMOTIONS))
    expected[EMOTIONS.index(Emotion.FEARFUL)] = 1
    assert both.votes.distributions[-1].tolist() == expected.tolist()
    assert both.votes.counts[-1].sum() == VOTES_A_LABEL


def test_corrections_teach_and_are_never_held_out(dataset: Dataset, small_csv: Path) -> None:
    settings = TrainSettings(small_csv, "hard", Architecture.REPORT, RECIPES[Architecture.REPORT])
    alone, both = (make_examples(rows, settings) for rows in (dataset, add_corrections(dataset, make_faces(40))))
    assert both.validation_rows.tolist() == alone.validation_rows.tolist()
    assert len(both.training.images) == len(alone.training.images) + 40


def test_a_correction_is_never_held_out_even_if_its_picture_is(dataset: Dataset, small_csv: Path) -> None:
    settings = TrainSettings(small_csv, "hard", Architecture.REPORT, RECIPES[Architecture.REPORT])
    alone = make_examples(dataset, settings)
    copies = LabelledFaces(alone.validation.images[:2], np.zeros(2, np.int64), np.full(2, 100))
    both = make_examples(add_corrections(dataset, copies), settings)
    assert both.validation_rows.tolist() == alone.validation_rows.tolist()
    assert len(both.training.images) == len(alone.training.images) + 2


def test_each_harm_is_refused_by_its_name(dataset: Dataset) -> None:
    holdout = dataset.images[dataset.find_part("PublicTest")]
    faces = LabelledFaces(
        images=np.stack([draw(1), draw(2), np.full((48, 48), 90, np.uint8), holdout[0, :, ::-1], draw(3)]),
        labels=np.zeros(5, np.int64),
        face_px=np.array([47, 48, 100, 100, 100]),
    )
    assert refuse_corrections(faces, dataset, 100, 0.5) == [TOO_SMALL, None, BLURRED, LIKE_HOLDOUT, None]


def test_the_first_ones_fill_the_share(dataset: Dataset) -> None:
    refusals = refuse_corrections(make_faces(60), dataset, 100, 0.2)
    assert refusals == [None] * 25 + [OVER_SHARE] * 35
    assert set(refuse_corrections(make_faces(3), dataset, 100, 0.0)) == {OVER_SHARE}


def test_near_copies_are_found_through_shift_scale_and_mirror() -> None:
    pictures = np.stack([draw(seed) for seed in range(20)])
    shrunk = pictures[:, ::2, ::2].repeat(2, axis=1).repeat(2, axis=2)
    noisy = np.clip(pictures + np.random.default_rng(0).normal(0, 12, pictures.shape), 0, 255).astype(np.uint8)
    for copies in (pictures, shrunk, noisy, pictures[:, :, ::-1]):
        assert find_near_copies(copies, pictures).all()
    others = np.stack([draw(seed) for seed in range(100, 200)])
    assert not find_near_copies(others, pictures).any()
    assert not find_near_copies(others, pictures[:0]).any()


def test_soft_pictures_are_less_sharp() -> None:
    sharp = draw(1)[None]
    soft = np.full((1, 48, 48), 128, np.uint8)
    assert measure_sharpness(sharp)[0] > 280 > measure_sharpness(soft)[0] == 0
