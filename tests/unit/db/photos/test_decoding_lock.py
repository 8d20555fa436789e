"""The lock for large pictures, between real processes."""

import subprocess
import sys
from pathlib import Path

import pytest

from db.photos.decoding_lock import DecodingBusy, DecodingLock
from db.photos.memory import LARGE_BYTES

LARGE = LARGE_BYTES + 1
HOLDER = """
import sys
from pathlib import Path
from db.photos.decoding_lock import DecodingLock
with DecodingLock(Path(sys.argv[1]), 5).hold_for(int(sys.argv[2])):
    print("held", flush=True)
    sys.stdin.read()
"""


def start_holder(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLDER, str(folder), str(LARGE)]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_large_picture_waits_for_another_process_and_no_longer_than_it_may(tmp_path: Path) -> None:
    with start_holder(tmp_path) as holder:
        with pytest.raises(DecodingBusy), DecodingLock(tmp_path, 0.1).hold_for(LARGE):
            pass
        with DecodingLock(tmp_path, 0).hold_for(LARGE_BYTES):  # a small one doesn't wait
            pass
        with DecodingLock(tmp_path / "another", 0).hold_for(LARGE):  # no such folder: another lock is taken
            pass
        holder.communicate("")


def test_the_lock_of_a_killed_process_is_free_at_once(tmp_path: Path) -> None:
    with start_holder(tmp_path) as holder:
        holder.kill()
    with DecodingLock(tmp_path, 0).hold_for(LARGE):
        pass
