from pathlib import Path

import numpy as np
import pytest

from training.data.audit import audit_dataset, find_missing, refuse_one_emotion
from training.data.dataset import Dataset, read_dataset
from training.errors import DatasetError

TRAINING, PUBLIC = 0, 1


def make(*rows: tuple[int, int, int]) -> Dataset:
    """Rows of grey, emotion and part."""
    greys, labels, parts = np.array(rows).T
    images = np.zeros((len(rows), 48, 48), np.uint8) + greys.astype(np.uint8)[:, None, None]
    return Dataset(images, labels.astype(np.int64), parts.astype(np.uint8))


def test_copies_are_told_within_a_part_and_across() -> None:
    found = audit_dataset(make((1, 0, TRAINING), (1, 0, TRAINING), (2, 3, TRAINING), (1, 0, PUBLIC), (9, 3, PUBLIC)))
    assert (found["rows"], found["splits"]["Training"]["copies_within"]) == (5, 1)
    assert found["splits"]["PublicTest"]["copies_of_training"] == 1
    assert found["splits"]["Training"]["emotions"]["angry"] == 2
    assert "PrivateTest" not in found["splits"]


def test_what_is_missing_is_said_with_what_it_means() -> None:
    warnings = find_missing(make((1, 0, TRAINING), (2, 3, TRAINING)))
    assert (
        "no Training row is disgusted or fearful or neutral or sad or surprised: a model can't learn them" in warnings
    )
    assert warnings[-1].startswith("there are no PublicTest rows")


def test_a_whole_dataset_has_no_warnings(small_csv: Path, small_votes: Path) -> None:
    found = audit_dataset(read_dataset(small_csv, small_votes))
    assert (found["warnings"], found["bad_rows"], found["splits"]["PublicTest"]["rows"]) == ([], [], 42)
    assert found["votes"] is not None


@pytest.mark.parametrize(
    ("rows", "reason"), [([(1, 3, TRAINING)], "all Training rows are happy"), ([(1, 3, PUBLIC)], "are missing")]
)
def test_one_emotion_is_nothing_to_learn(rows: list[tuple[int, int, int]], reason: str) -> None:
    with pytest.raises(DatasetError, match=reason):
        refuse_one_emotion(make(*rows))
    refuse_one_emotion(make((1, 3, TRAINING), (1, 4, TRAINING)))
