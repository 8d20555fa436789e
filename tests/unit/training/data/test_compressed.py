import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from training.data.dataset import read_dataset
from training.errors import DatasetError


@pytest.mark.parametrize(("suffix", "compress"), [(".gz", gzip.compress), (".xz", lzma.compress)])
def test_packed_files_are_the_same_dataset(
    small_csv: Path, tmp_path: Path, suffix: str, compress: Callable[[bytes], bytes]
) -> None:
    packed = tmp_path / f"small.csv{suffix}"
    packed.write_bytes(compress(small_csv.read_bytes()))
    assert read_dataset(packed).sha256 == read_dataset(small_csv).sha256


@pytest.mark.parametrize("name", ["missing.csv", "damaged.csv.xz", "damaged.csv.gz"])
def test_an_unreadable_file_is_refused(tmp_path: Path, name: str) -> None:
    if name.startswith("damaged"):
        (tmp_path / name).write_bytes(b"no archive")
    with pytest.raises(DatasetError, match=name):
        read_dataset(tmp_path / name)


def test_a_damaged_packed_file_is_refused(small_csv: Path, tmp_path: Path) -> None:
    content = bytearray(gzip.compress(small_csv.read_bytes()))
    content[1000:1100] = bytes(100)
    (tmp_path / "damaged.csv.gz").write_bytes(content)
    with pytest.raises(DatasetError, match="damaged"):
        read_dataset(tmp_path / "damaged.csv.gz")
