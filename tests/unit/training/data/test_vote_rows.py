"""Votes find the rows of the CSV that they belong to, or are refused."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.support.small_dataset import VOTE_HEADER
from training.data.dataset import read_dataset
from training.errors import VotesMismatch

Rows = list[list[str]]
Write = Callable[[Callable[[Rows], Rows]], Path]


@pytest.fixture
def write(tmp_path: Path, small_votes: Path) -> Write:
    """Write a file of votes after changing its rows, of which each has an Image name as FER+ gives it."""

    def write_changed(change: Callable[[Rows], Rows]) -> Path:
        rows = [line.split(",") for line in small_votes.read_text().splitlines()[1:]]
        named = [[row[0], f"fer{number:07d}.png", *row[1:]] for number, row in enumerate(rows)]
        path = tmp_path / "named.csv"
        header = VOTE_HEADER.replace("Usage,", "Usage,Image name,")
        path.write_text("\n".join([header, *map(",".join, change(named))]) + "\n")
        return path

    return write_changed


def drop_names(rows: Rows) -> Rows:
    return [[row[0], "", *row[2:]] for row in rows]


def without_names(path: Path) -> Path:
    lines = [line.split(",") for line in path.read_text().splitlines()]
    path.write_text("\n".join(",".join([line[0], *line[2:]]) for line in lines) + "\n")
    return path


def test_named_votes_find_their_rows_in_any_order(write: Write, small_csv: Path, small_votes: Path) -> None:
    votes = read_dataset(small_csv, write(lambda rows: rows[::-1])).votes
    in_order = read_dataset(small_csv, small_votes).votes
    assert votes is not None
    assert in_order is not None
    assert np.array_equal(votes.counts, in_order.counts)


def test_rows_without_a_name_or_without_votes_train_nothing(write: Write, small_csv: Path) -> None:
    def change(rows: Rows) -> Rows:
        return [[rows[0][0], "", *rows[0][2:]], *rows[1:5], *rows[6:], ["PrivateTest", "fer0000900.png", *rows[0][2:]]]

    votes = read_dataset(small_csv, write(change)).votes
    assert votes is not None
    assert np.flatnonzero(~votes.is_used).tolist() == [0, 5]
    assert len(votes.counts) == 182


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: [*rows, rows[3]], "more than once"),
        (lambda rows: [[row[0], f"fer{900 + number}.png", *row[2:]] for number, row in enumerate(rows)], "no row of"),
        (drop_names, "has an Image name"),
        (lambda rows: [[row[0], f"fer{(number + 1) % 182}.png", *row[2:]] for number, row in enumerate(rows)], "line"),
        (
            lambda rows: [["", f"fer{(number + 1) % 182}.png", *row[2:]] for number, row in enumerate(rows)],
            "on only 0%",
        ),
    ],
    ids=["named twice", "other names", "no names", "another Usage", "of other rows"],
)
def test_names_that_do_not_fit_the_csv_are_refused(
    write: Write, small_csv: Path, change: Callable[[Rows], Rows], message: str
) -> None:
    with pytest.raises(VotesMismatch, match=message):
        read_dataset(small_csv, write(change))


@pytest.mark.parametrize(
    ("first", "last", "rows_named"),
    [(0, 140, "140 Training"), (140, 182, "42 PublicTest"), (0, 182, "140 Training")],
)
def test_votes_of_the_next_row_are_refused_for_each_usage(
    write: Write, small_csv: Path, first: int, last: int, rows_named: str
) -> None:
    def change(rows: Rows) -> Rows:
        moved = [*rows[first + 1 : last], rows[first]]
        parts = [row[0] for row in rows]
        return [[part, *row[1:]] for part, row in zip(parts, rows[:first] + moved + rows[last:], strict=True)]

    with pytest.raises(VotesMismatch, match=f"only 0% of {rows_named} rows") as refused:
        read_dataset(small_csv, without_names(write(change)))
    assert refused.value.code == "votes_mismatch"


def test_votes_that_agree_with_the_labels_as_often_as_fer_plus_are_taken(write: Write, small_csv: Path) -> None:
    """Two of five rows in each class disagree with the label, which is less agreement than FER+ has."""

    def change(rows: Rows) -> Rows:
        return [
            [*row[:2], *(["0"] * 9), "10"]
            if number // 7 % 10 == 0
            else [*row[:2], *row[3:9], row[2], *row[9:]]
            if number // 7 % 10 < 4
            else row
            for number, row in enumerate(rows)
        ]

    votes = read_dataset(small_csv, without_names(write(change))).votes
    assert votes is not None
