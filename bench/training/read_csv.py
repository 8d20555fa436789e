"""How fast a CSV becomes arrays: ours cold, ours from the cache, and the report's loop over every value.

    python -m bench.training.read_csv CSV [--loop-rows 500]

All in processor time, summed over threads, so that other work on the machine does not count. The report's loop is timed on its
first rows and scaled to all of them. A packed CSV is unpacked first, outside every timing
but the cached one, which starts from the file as it is.
"""

import argparse
import gzip
import lzma
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from training.dataset import read_dataset
from training.fer_csv import parse_rows

T = TypeVar("T")

_UNPACK: dict[str, Callable[[bytes], bytes]] = {".xz": lzma.decompress, ".gz": gzip.decompress}


def main() -> None:
    """Print the three times and the two ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("csv", type=Path)
    parser.add_argument("--loop-rows", type=int, default=500)
    arguments = parser.parse_args()
    text = _UNPACK.get(arguments.csv.suffix, bytes)(arguments.csv.read_bytes())
    cold_s, rows = _time(lambda: parse_rows(text))
    table = pd.read_csv(BytesIO(text))
    few = table[: arguments.loop_rows]
    loop_s, _ = _time(lambda: _loop_like_the_report(few))
    loop_s *= len(table) / len(few)
    with tempfile.TemporaryDirectory() as folder:
        read_dataset(arguments.csv, cache_dir=Path(folder))
        cached_s, _ = _time(lambda: read_dataset(arguments.csv, cache_dir=Path(folder)))
    print(f"{rows.row_count} rows, {len(text) / 1e6:.0f} MB of text")
    print(f"the report's loop, scaled from {len(few)} rows: {loop_s:.1f} s (reading the text not counted)")
    print(f"parse_rows, from text: {cold_s:.2f} s, {loop_s / cold_s:.0f} times as fast")
    print(f"read_dataset, from the cache: {cached_s:.2f} s, {loop_s / cached_s:.0f} times as fast")


def _time(work: Callable[[], T]) -> tuple[float, T]:
    started = time.process_time()
    result = work()
    return time.process_time() - started, result


def _loop_like_the_report(table: pd.DataFrame) -> list[npt.NDArray[np.uint8]]:
    """One value at a time: row n // 48, column n % 48."""
    pictures = []
    for pixels in table["pixels"]:
        picture = np.zeros((48, 48), np.uint8)
        for index, value in enumerate(pixels.split()):
            picture[index // 48, index % 48] = int(value)
        pictures.append(picture)
    return pictures


if __name__ == "__main__":
    main()
