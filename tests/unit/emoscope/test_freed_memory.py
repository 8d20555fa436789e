"""Freed memory is returned to the system, if the C library supports it."""

import ctypes
import subprocess
import sys
from types import SimpleNamespace

import pytest

from emoscope.freed_memory import give_large_memory_back, read_resident_bytes

PROCESS = """
import ctypes, sys
from pathlib import Path
from emoscope.freed_memory import give_large_memory_back

def read_rss_mb():
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in line) // 1000

if sys.argv[1] == "give":
    give_large_memory_back(4_000_000)
idle = read_rss_mb()
first = b"x" * 30_000_000
del first  # from here on glibc keeps pieces up to this size
pieces = [b"x" * 16_000_000 for _ in range(20)]
last = b"x" * 10_000
small = [b"y" * 100_000 for _ in range(20)]
pieces.clear()
print(read_rss_mb() - idle)
"""

# Of its own, for this one may have as much free memory that it takes the block from that.
GROWING_PROCESS = """
from emoscope.freed_memory import read_resident_bytes

before = read_resident_bytes()
block = bytearray(b"x") * 50_000_000
print(read_resident_bytes() - before)
"""


def test_the_c_library_is_told_where_it_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int]] = []
    for library in (SimpleNamespace(mallopt=lambda *given: told.append(given)), SimpleNamespace()):
        monkeypatch.setattr(ctypes, "CDLL", lambda _name, library=library: library)
        give_large_memory_back(2**20)
    assert told == [(-3, 2**20)]


def test_memory_of_pieces_that_are_free_is_the_systems_again() -> None:
    done = subprocess.run([sys.executable, "-c", PROCESS, "give"], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 20


def test_a_process_knows_its_resident_memory() -> None:
    if read_resident_bytes() is None:
        pytest.skip("the system has no /proc")
    done = subprocess.run([sys.executable, "-c", GROWING_PROCESS], capture_output=True, text=True, check=True)
    assert 45_000_000 < int(done.stdout) < 60_000_000
