"""Measures reading a CSV into arrays: ours without and with cache, and the report's loop over every value.

    python -m bench.training.read_csv CSV [--loop-rows 500] [--rounds 5]

Prints processor time, summed over threads, and wall-clock time; the minimum of several alternating rounds, to reduce the effect
of other load. The report's method is pandas and a loop, which is timed on its first rows and scaled. A compressed CSV is
decompressed before all timings except the cached one, which starts from the file.
"""

import argparse
import gzip
import lzma
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from training.data.dataset import read_dataset
from training.data.fer_csv import parse_rows

_UNPACK: dict[str, Callable[[bytes], bytes]] = {".xz": lzma.decompress, ".gz": gzip.decompress}


def main() -> None:
    """Print the times and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("csv", type=Path)
    parser.add_argument("--loop-rows", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    text = _UNPACK.get(arguments.csv.suffix, bytes)(arguments.csv.read_bytes())
    table = pd.read_csv(BytesIO(text))
    few = table[: arguments.loop_rows]
    ways: dict[str, Callable[[], object]] = {
        "pandas": lambda: pd.read_csv(BytesIO(text)),
        "loop": lambda: _loop_like_the_report(few),
        "ours": lambda: parse_rows(text),
    }
    with tempfile.TemporaryDirectory() as folder:
        read_dataset(arguments.csv, cache_dir=Path(folder))
        ways["cached"] = lambda: read_dataset(arguments.csv, cache_dir=Path(folder))
        rounds = [{way: _time(work) for way, work in ways.items()} for _ in range(arguments.rounds)]
    print(f"{len(table)} rows, {len(text) / 1e6:.0f} MB of text; the least of {arguments.rounds} rounds")
    for number, clock in enumerate(("processor time", "by the clock")):
        least_s = {way: min(times[way][number] for times in rounds) for way in ways}
        report_s = least_s["pandas"] + least_s["loop"] * len(table) / len(few)
        print(f"{clock}:")
        print(
            f"  the report's way, its loop scaled from {len(few)} rows: {report_s:.1f} s ({least_s['pandas']:.2f} s pandas)"
        )
        print(f"  parse_rows, from text: {least_s['ours']:.2f} s, {report_s / least_s['ours']:.0f} times as fast")
        print(
            f"  read_dataset, from the cache: {least_s['cached']:.2f} s, {report_s / least_s['cached']:.0f} times as fast"
        )


def _time(work: Callable[[], object]) -> tuple[float, float]:
    """Return seconds of processor time, and of wall-clock time."""
    started = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - started[0], time.perf_counter() - started[1]


def _loop_like_the_report(table: pd.DataFrame) -> list[npt.NDArray[np.uint8]]:
    """Convert one value at a time: row n

    48, column n % 48.
    """
    pictures = []
    for pixels in table["pixels"]:
        picture = np.zeros((48, 48), np.uint8)
        for index, value in enumerate(pixels.split()):
            picture[index // 48, index % 48] = int(value)
        pictures.append(picture)
    return pictures


if __name__ == "__main__":
    main()
