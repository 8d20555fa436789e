from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from db.core.vocabulary import EMOTIONS, Emotion
from training.data.audit import audit_dataset
from training.data.dataset import read_dataset
from training.errors import DatasetError


def test_fer_numbers_become_the_vocabularys_order(small_csv: Path) -> None:
    labels = read_dataset(small_csv).labels[:7]
    expected = ["angry", "disgusted", "fearful", "happy", "sad", "surprised", "neutral"]
    assert [EMOTIONS[label] for label in labels] == [Emotion(name) for name in expected]


def test_a_second_reading_comes_from_the_cache_and_is_equal(
    small_csv: Path, small_votes: Path, cache_home: Path
) -> None:
    first = read_dataset(small_csv, small_votes)
    cached = list(cache_home.rglob("*.npz"))
    assert len(cached) == 1
    changed = cached[0].stat().st_mtime_ns
    second = read_dataset(small_csv, small_votes)
    assert second.sha256 == first.sha256
    assert cached[0].stat().st_mtime_ns == changed
    assert np.array_equal(second.images, first.images)


def test_a_dataset_is_read_where_nothing_can_be_cached(small_csv: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    read = read_dataset(small_csv, cache_dir=tmp_path / "file" / "datasets")
    assert read.sha256 == read_dataset(small_csv).sha256


def damage_middle(content: bytes) -> bytes:
    return content[:1000] + bytes(5000) + content[6000:]


@pytest.mark.parametrize(
    "damage",
    [lambda _: b"", lambda content: content[:-500], damage_middle, lambda _: b"no archive", lambda _: None],
    ids=["empty", "cut off", "damaged", "another file", "a folder"],
)
def test_a_cached_file_that_cannot_be_read_is_made_anew(
    small_csv: Path, cache_home: Path, damage: Callable[[bytes], bytes | None]
) -> None:
    sha256 = read_dataset(small_csv).sha256
    (cached,) = cache_home.rglob("*.npz")
    content = cached.read_bytes()
    damaged = damage(content)
    cached.unlink()
    if damaged is None:
        cached.mkdir()
    else:
        cached.write_bytes(damaged)
    assert read_dataset(small_csv).sha256 == sha256
    if damaged is not None:
        assert cached.read_bytes() == content
    assert [path.name for path in cached.parent.iterdir()] == [cached.name]


def test_a_cached_file_is_on_the_disk_before_it_has_its_name(
    small_csv: Path, cache_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []
    monkeypatch.setattr("os.fsync", lambda _: names.extend(path.suffix for path in cache_home.rglob("*.*")))
    read_dataset(small_csv)
    assert names == [".partial"]


def test_a_full_disk_leaves_no_half_of_a_cached_file(
    small_csv: Path, cache_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(file: IO[bytes], **_: object) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("numpy.savez", fill)
    assert len(read_dataset(small_csv).images) == 182
    assert not [path for path in cache_home.rglob("*") if path.is_file()]


def test_bad_rows_survive_the_cache(small_csv: Path, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(small_csv.read_text() + "9,1 2,Training\n")
    assert read_dataset(path).bad_rows == read_dataset(path).bad_rows
    assert read_dataset(path).bad_rows[0].line == 184


def test_identity_changes_with_one_pixel_one_label_or_votes(small_csv: Path, small_votes: Path, tmp_path: Path) -> None:
    text = small_csv.read_text()
    lines = text.splitlines()
    first = lines[1].split(",")
    pixels = first[1].split()
    pixels[0] = str((int(pixels[0]) + 1) % 256)
    changed_pixel, changed_label = tmp_path / "pixel.csv", tmp_path / "label.csv"
    changed_pixel.write_text(text.replace(lines[1], f"{first[0]},{' '.join(pixels)},{first[2]}"))
    changed_label.write_text(text.replace(lines[1], f"5,{first[1]},{first[2]}"))
    datasets = [read_dataset(path) for path in (small_csv, changed_pixel, changed_label)]
    datasets.append(read_dataset(small_csv, small_votes))
    assert len({dataset.sha256 for dataset in datasets}) == 4


def test_votes_stay_with_their_rows_when_a_row_is_bad(small_csv: Path, small_votes: Path, tmp_path: Path) -> None:
    lines = small_csv.read_text().splitlines()
    lines[1] = lines[1].replace(",", ",999 ", 1)
    path = tmp_path / "bad.csv"
    path.write_text("\n".join(lines) + "\n")
    dataset = read_dataset(path, small_votes)
    assert len(dataset.images) == 181
    assert dataset.votes is not None
    assert np.array_equal(dataset.votes.majorities, dataset.labels)


def test_votes_of_other_rows_are_refused(small_csv: Path, small_votes: Path, tmp_path: Path) -> None:
    lines = small_votes.read_text().splitlines()
    shorter, moved = tmp_path / "shorter.csv", tmp_path / "moved.csv"
    shorter.write_text("\n".join(lines[:-1]) + "\n")
    moved.write_text("\n".join([lines[0], lines[-1], *lines[2:-1], lines[1]]) + "\n")
    with pytest.raises(DatasetError, match="181 rows, and the CSV has 182"):
        read_dataset(small_csv, shorter)
    with pytest.raises(DatasetError, match="line 2 is Training in the CSV and PublicTest"):
        read_dataset(small_csv, moved)


def test_copies_are_found_within_and_across_parts(small_csv: Path, tmp_path: Path) -> None:
    lines = small_csv.read_text().splitlines()
    training, public = lines[1], lines[-1]
    path = tmp_path / "copies.csv"
    path.write_text("\n".join([*lines, training, training.replace("Training", "PublicTest"), public]) + "\n")
    parts = audit_dataset(read_dataset(path))["splits"]
    assert parts["Training"]["copies_within"] == 1
    assert parts["PublicTest"]["copies_within"] == 1
    assert parts["PublicTest"]["copies_of_training"] == 1


def test_empty_lines_at_the_end_of_both_files_are_no_rows(small_csv: Path, small_votes: Path, tmp_path: Path) -> None:
    csv, votes = tmp_path / "small.csv", tmp_path / "votes.csv"
    for path, original in ((csv, small_csv), (votes, small_votes)):
        path.write_text(original.read_text() + "\n\n")
    assert read_dataset(csv, votes).sha256 == read_dataset(small_csv, small_votes).sha256
