"""Decodes mutants: `python -m tests.fuzz.decode SEED FIRST END`. Writes one JSON line per mutant."""

import json
import sys
import time
from pathlib import Path

from db.photos.errors import BrokenPicture, PhotoError
from db.photos.header import read_header
from db.photos.memory import MAX_DECODING_BYTES
from tests.fuzz.files import generate_files
from tests.fuzz.mutate import make_mutant
from worker.analysis.decode import PhotoDecoder

_MAX_PIXELS = 100_000_000


def main() -> None:
    seed, first, end = (int(word) for word in sys.argv[1:4])
    files = generate_files()
    idle_kb = read_status_kb("VmRSS")
    for number in range(first, end):
        mutant = make_mutant(files, seed, number)
        Path("/proc/self/clear_refs").write_text("5")  # starts the peak anew
        started = time.process_time()
        said, fault = decode(mutant.data)
        line = {
            "number": number,
            "name": mutant.name,
            "said": said,
            "fault": fault,
            "cpu_ms": round(1000 * (time.process_time() - started), 1),
            "growth_mb": (read_status_kb("VmHWM") - idle_kb) / 1000,
        }
        print(json.dumps(line), flush=True)


def decode(data: bytes) -> tuple[str, str]:
    """Decode as a worker does, and compare with the API's header check. Returns what was said, and what is wrong with it."""
    try:
        header = read_header(data, _MAX_PIXELS, MAX_DECODING_BYTES)
        checked = f"{header.width}x{header.height}"
    except PhotoError as error:
        checked = error.code
    try:
        decoder = PhotoDecoder(data, max_pixels=_MAX_PIXELS)
        reduced = decoder.decode(decoder.least_factor)
        said = f"{reduced.width}x{reduced.height}"
    except PhotoError as error:
        said = error.code
    except Exception as error:  # noqa: BLE001  # that is what is looked for
        return "crashed", f"{type(error).__name__}: {error}"
    is_alike = said == checked or ("x" in checked and said == BrokenPicture.code)
    return said, "" if is_alike else f"the header check said {checked}, the decoder {said}"


def read_status_kb(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


if __name__ == "__main__":
    main()
