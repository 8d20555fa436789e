"""Reads a CSV in FER2013's format, and optionally its FER+ votes, into a dataset with a digest.

FER2013's emotion numbers are translated to the order of EMOTIONS here, and nowhere else.
"""

import hashlib
import os
import zlib
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from db.core.vocabulary import EMOTIONS, Emotion
from training.data.compressed import read_file, unpack
from training.data.fer_csv import PARTS, BadRow, CsvRows, parse_rows
from training.data.vote_rows import line_up_votes
from training.data.votes import VoteTable
from training.errors import DatasetError

FER_ORDER = tuple(sorted(Emotion, key=lambda emotion: emotion.fer2013_number))
"""FER2013's number -> emotion."""

_CACHE_FORM = 1
"""Increment whenever the contents of a cache file change."""


@dataclass(frozen=True)
class Dataset:
    """Labelled faces in the order of their file.

    images: uint8 (N, 48, 48).
    labels: int64 (N,), index into EMOTIONS: the published label.
    parts: uint8 (N,), index into fer_csv.PARTS.
    votes: FER+ votes, one row per face, if a file was given.
    corrections: number of rows at the end that are faces labelled by reviewers, not rows of the file.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    parts: npt.NDArray[np.uint8]
    bad_rows: tuple[BadRow, ...] = ()
    votes: VoteTable | None = None
    corrections: int = 0

    @cached_property
    def sha256(self) -> str:
        """Digest of pictures, labels, splits and votes, independent of the file format."""
        digest = hashlib.sha256()
        arrays: list[npt.NDArray[Any]] = [self.images, self.labels, self.parts]
        if self.votes is not None:
            arrays.append(self.votes.counts)
        for array in arrays:
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    @cached_property
    def copy_groups(self) -> npt.NDArray[np.int64]:
        """int64 (N,): rows with the same picture, pixel for pixel, have the same number."""
        seen: dict[bytes, int] = {}
        groups = (seen.setdefault(image.tobytes(), len(seen)) for image in self.images)
        return np.fromiter(groups, np.int64, len(self.images))

    def find_part(self, part: str) -> npt.NDArray[np.int64]:
        """Return the positions of the rows of `part` (a name of fer_csv.PARTS). Raises DatasetError for any other name."""
        if part not in PARTS:
            raise DatasetError(f"a part is one of {', '.join(PARTS)}, not {part!r}")
        return np.flatnonzero(self.parts == PARTS.index(part))

    def find_copies_of(self, others: npt.NDArray[np.int64], among: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Return for each position of `among` whether its picture is also one of `others`, bool."""
        return np.isin(self.copy_groups[among], self.copy_groups[others])


def read_dataset(csv_path: Path, votes_path: Path | None = None, *, cache_dir: Path | None = None) -> Dataset:
    """Read a CSV and votes (each plain, .gz or .xz). If the same bytes were read before, the CSV comes from the cache.

    cache_dir: folder of decoded files; None means the user's cache folder. Raises DatasetError for a malformed file,
    VotesMismatch for votes of other rows.
    """
    rows = _read_rows(csv_path, cache_dir or default_cache_dir())
    translate = np.array([EMOTIONS.index(emotion) for emotion in FER_ORDER], np.int64)
    labels = translate[rows.emotions]
    votes = line_up_votes(rows, labels, votes_path) if votes_path else None
    return Dataset(rows.images, labels, rows.parts, rows.bad_rows, votes)


def default_cache_dir() -> Path:
    """Return the default folder of decoded datasets: the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "emoscope" / "datasets"


def _read_rows(path: Path, cache_dir: Path) -> CsvRows:
    stored = read_file(path)
    cached = cache_dir / f"{hashlib.sha256(stored).hexdigest()}.{_CACHE_FORM}.npz"
    rows = _load_rows(cached)
    if rows is None:
        rows = parse_rows(unpack(path, stored))
        with suppress(OSError):  # a read-only home or a full disk: the CSV is decoded each time
            _store_rows(rows, cached)
    return rows


def _load_rows(path: Path) -> CsvRows | None:
    """Return the rows of a cache file, or None if it is missing, damaged or unreadable."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return CsvRows(
                images=arrays["images"],
                emotions=arrays["emotions"],
                parts=arrays["parts"],
                positions=arrays["positions"],
                row_count=int(arrays["row_count"]),
                bad_rows=tuple(BadRow(int(line), str(reason)) for line, reason in arrays["bad_rows"]),
            )
    except (OSError, EOFError, ValueError, LookupError, TypeError, BadZipFile, zlib.error):
        return None


def _store_rows(rows: CsvRows, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            np.savez(
                file,
                images=rows.images,
                emotions=rows.emotions,
                parts=rows.parts,
                positions=rows.positions,
                row_count=rows.row_count,
                bad_rows=np.array([(str(row.line), row.reason) for row in rows.bad_rows], np.str_).reshape(-1, 2),
            )
            file.flush()
            # otherwise a power cut after the rename could leave an empty file with the final name
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
