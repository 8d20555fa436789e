import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from db.core.vocabulary import EMOTIONS, Emotion
from training.data.votes import NO_MAJORITY, VoteTable, read_votes
from training.errors import DatasetError


def table(**votes: int) -> VoteTable:
    names = [*EMOTIONS, "contempt", "unknown", "nf"]
    return VoteTable(("Training",), np.array([[votes.get(name, 0) for name in names]]))


def test_majority_is_the_one_emotion_with_the_most_votes() -> None:
    assert table(sad=6, neutral=4).majorities.tolist() == [EMOTIONS.index(Emotion.SAD)]


@pytest.mark.parametrize(
    "votes", [{"sad": 5, "neutral": 5}, {"contempt": 6, "sad": 4}, {"nf": 10}, {"unknown": 5, "happy": 5}, {}]
)
def test_a_tie_or_another_answer_is_no_majority(votes: dict[str, int]) -> None:
    assert table(**votes).majorities.tolist() == [NO_MAJORITY]


def test_votes_become_shares_and_a_single_vote_is_an_outlier() -> None:
    shares = table(sad=6, neutral=3, happy=1).distributions[0]
    assert shares[EMOTIONS.index(Emotion.SAD)] == pytest.approx(6 / 9)
    assert shares[EMOTIONS.index(Emotion.HAPPY)] == 0
    assert shares.sum() == pytest.approx(1)


def test_single_votes_count_where_nobody_agrees() -> None:
    assert table(sad=1, neutral=1).distributions[0].sum() == pytest.approx(1)


@pytest.mark.parametrize(
    "votes", [{"nf": 2, "sad": 8}, {"unknown": 6, "sad": 4}, {"contempt": 5, "sad": 5}, {"nf": 10}]
)
def test_a_row_that_says_little_about_the_seven_teaches_nothing(votes: dict[str, int]) -> None:
    found = table(**votes)
    assert not found.is_used.any()
    assert not found.distributions.any()


def test_every_row_left_out_is_counted() -> None:
    rows = [table(sad=10), table(nf=10), table(unknown=9, sad=1), table(contempt=9), table(nf=2, sad=8)]
    counts = VoteTable(("Training",) * 5, np.concatenate([row.counts for row in rows])).count_rows()
    assert counts["rows"] == 5
    assert counts["training"] == 1
    assert [counts[f"left_out_{name}"] for name in ("nf", "unknown", "contempt", "undecided")] == [1, 1, 1, 1]


def test_columns_are_found_by_name_and_others_ignored(tmp_path: Path) -> None:
    path = tmp_path / "votes.csv"
    path.write_text(
        "Usage,Image,NF,unknown,contempt,fear,disgust,anger,sadness,surprise,happiness,neutral\nTraining,a.png,0,0,0,0,0,7,0,0,0,3\n"
    )
    assert read_votes(path).table.majorities.tolist() == [EMOTIONS.index(Emotion.ANGRY)]


HEADER = "Usage,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n"
ROWS = f"{HEADER}Training,1,9,0,0,0,0,0,0,0,0\n"


@pytest.mark.parametrize(("suffix", "compress"), [(".gz", gzip.compress), (".xz", lzma.compress)])
def test_packed_votes_are_read(tmp_path: Path, suffix: str, compress: Callable[[bytes], bytes]) -> None:
    path = tmp_path / f"votes.csv{suffix}"
    path.write_bytes(compress(ROWS.encode()))
    assert read_votes(path).table.majorities.tolist() == [EMOTIONS.index(Emotion.HAPPY)]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("votes.csv", ROWS.encode("utf-16"), "not text in UTF-8"),
        ("votes.csv", gzip.compress(ROWS.encode()), "not text in UTF-8"),
        ("votes.csv.gz", ROWS.encode(), "damaged"),
        ("votes.csv", f"{HEADER}{'1' * 200_000}\n".encode(), "not a CSV"),
        ("votes.csv", f"{HEADER}Training,{10**30},9,0,0,0,0,0,0,0,0\n".encode(), "whole"),
        ("votes.csv", None, "can't be read"),
    ],
    ids=[
        "UTF-16",
        "packed under a plain name",
        "plain under a packed name",
        "a huge field",
        "a huge number",
        "missing",
    ],
)
def test_a_file_that_is_no_text_of_votes_is_refused(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        read_votes(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Usage,neutral\nTraining,1\n", "has no column anger"),
        (
            "Usage,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\nTraining,x,0,0,0,0,0,0,0,0,0\n",
            "whole",
        ),
        ("Usage,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\nTraining,1\n", "whole"),
        (
            "Usage,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\nTraining,-1,0,0,0,0,0,0,0,0,0\n",
            "below zero",
        ),
    ],
)
def test_a_file_that_is_no_vote_table_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "votes.csv"
    path.write_text(text)
    with pytest.raises(DatasetError, match=message):
        read_votes(path)
