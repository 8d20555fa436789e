"""Memory of decoding a very large picture, measured in a real process."""

import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from functools import partial

import pytest

from db.photos.png_chunks import SIGNATURE
from tests.fuzz.files import make_chunk

SIDE = 9990
ROWS = 90

PROCESS = """
import json, sys
from pathlib import Path
from worker.analysis.decode import PhotoDecoder

def read_kb(name):
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))

data = sys.stdin.buffer.read()
idle = read_kb("VmRSS")
reduced = PhotoDecoder(data, max_pixels=10**8).decode_for_detection()
print(json.dumps([reduced.factor, list(reduced.picture.shape), (read_kb("VmHWM") - idle) * 1024]))
"""


def make_float_tiff() -> bytes:
    """A TIFF of 9990 by 9990 floating point numbers, whose strips are all the same few bytes."""
    strip = zlib.compress(struct.pack("<f", 0.5) * SIDE * ROWS)
    count = SIDE // ROWS
    entries = [(256, 4, 1, SIDE), (257, 4, 1, SIDE), (258, 3, 1, 32), (259, 3, 1, 8), (262, 3, 1, 1)]
    after = 8 + len(strip) + len(strip) % 2
    offsets, sizes = after, after + 4 * count
    entries += [(273, 4, count, offsets), (277, 3, 1, 1), (278, 4, 1, ROWS), (279, 4, count, sizes), (339, 3, 1, 3)]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    tables = struct.pack(f"<{count}I", *[8] * count) + struct.pack(f"<{count}I", *[len(strip)] * count)
    return b"II*\0" + struct.pack("<I", sizes + 4 * count) + strip + bytes(len(strip) % 2) + tables + directory


def make_png(depth: int, *, is_damaged: bool) -> bytes:
    """A PNG of 9990 by 9990 pixels with transparency. is_damaged: the checksum of its pixels is wrong."""
    packer, row = zlib.compressobj(1), b"\0" + b"U" * (SIDE * 4 * depth // 8)
    stream = b"".join(packer.compress(row * ROWS) for _ in range(SIDE // ROWS)) + packer.flush()
    stream = stream[:-4] + bytes(4) if is_damaged else stream
    header = struct.pack(">IIBBBBB", SIDE, SIDE, depth, 6, 0, 0, 0)
    return SIGNATURE + make_chunk(b"IHDR", header) + make_chunk(b"IDAT", stream) + make_chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "make",
    [make_float_tiff, partial(make_png, 8, is_damaged=True), partial(make_png, 16, is_damaged=False)],
    ids=["floating point", "a second try", "16 bits and transparency"],
)
def test_a_picture_of_the_largest_size_stays_within_the_memory_that_a_process_may_take(
    make: Callable[[], bytes],
) -> None:
    done = subprocess.run([sys.executable, "-c", PROCESS], input=make(), capture_output=True, check=True)
    factor, shape, peak_bytes = json.loads(done.stdout)
    assert (factor, shape) == (2, [4995, 4995, 3])
    assert peak_bytes < 600_000_000
