"""Compares the processor time of a photo's complete analysis: ours, the minimum possible with our networks, and two other packages.

    python -m bench.analysis.peers [--peers DIR] [--rounds 5] [--repeats 10] [--quick] [--json FILE]

The minimum: decode, one resize, one run of the network for small faces, and one run of the classifier per face. `fer` 25.10.3 and
face-api (tiny detector and expression network, node, wasm) run if `make bench-peers` has installed them; otherwise a message says
that they are skipped. face-api gets pixels, because node has no JPEG decoder. All run alternately in separate processes, on the
astronaut and the page of seven faces in four sizes. Prints the median of the rounds' least processor times.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from bench.analysis.beside import SIZES
from bench.machine import describe_machine
from emoscope.stack.demo_photos import compose_page, encode_jpeg, load_portrait

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(__file__).parent / "peers_scripts"


class Side(NamedTuple):
    """A program to measure: its name, and the command to which the photos' folder and the number of repeats are added."""

    name: str
    command: Sequence[str]


class Measured(NamedTuple):
    """Result of one program and photo. ms: processor time. faces: number of faces found."""

    ms: float
    faces: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, default=ROOT / ".peers", help="folder in which they are installed")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path, help="file for the same rows as JSON")
    given = parser.parse_args()
    rounds, repeats = (1, 2) if given.quick else (given.rounds, given.repeats)
    sides = list_sides(given.peers)
    with tempfile.TemporaryDirectory(prefix="emo-") as folder:
        names = write_photos(Path(folder))
        found = [{side.name: run(side, Path(folder), repeats) for side in sides} for _ in range(rounds)]
    rows = [
        {"photo": name, "side": side.name} | summarize([round_[side.name][name] for round_ in found])
        for name in names
        for side in sides
    ]
    print_table(names, sides, rows, found)
    if given.json:
        given.json.write_text(json.dumps({"machine": describe_machine(), "rows": rows}, indent=1) + "\n")


def list_sides(peers: Path) -> list[Side]:
    """Return our programs and the installed peers."""
    ours = (sys.executable, str(SCRIPTS / "ours.py"))
    sides = [
        Side(f"{kind}, {version}", (*ours, kind, version))
        for kind in ("ours", "least")
        for version in ("quick", "default")
    ]
    fer, face_api = peers / "fer/bin/python", peers / "node_modules/@vladmandic/face-api"
    node = shutil.which("node")
    if fer.exists():
        sides.append(Side("fer", (str(fer), str(SCRIPTS / "run_fer.py"))))
    else:
        print(f"fer is left out: there is no {fer}; `make bench-peers` installs it")
    if node and face_api.exists():
        sides.append(Side("face-api", (node, str(SCRIPTS / "run_face_api.js"), str(peers / "node_modules"))))
    else:
        print(f"face-api is left out: there is no node, or no {face_api}; `make bench-peers` installs it")
    return sides


def write_photos(folder: Path) -> list[str]:
    """Write the photos as JPEG files, and their pixels (`.rgb`) for programs without a decoder. Returns their names."""
    page = Image.open(BytesIO(compose_page().data)).convert("RGB")
    names = []
    for label, image in (("portrait", load_portrait("astronaut").image), ("page", page)):
        for width, height in SIZES:
            data = encode_jpeg(image.resize((width, height)))
            name = f"{label}-{width}x{height}"
            (folder / f"{name}.jpg").write_bytes(data)
            (folder / f"{name}.rgb").write_bytes(Image.open(BytesIO(data)).convert("RGB").tobytes())
            names.append(name)
    return names


def run(side: Side, folder: Path, repeats: int) -> dict[str, Measured]:
    """Run one program in a process: least processor time and number of faces per photo."""
    # TensorFlow's threads would only add processor time, and GPU time isn't processor time
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    done = subprocess.run(
        [*side.command, str(folder), str(repeats)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        check=True,
    )
    answer = json.loads(done.stdout.splitlines()[-1])
    return {name: Measured(*values) for name, values in answer.items()}


def summarize(measured: Sequence[Measured]) -> dict[str, object]:
    """Return median, minimum and maximum of the rounds, and the number of faces."""
    times = [each.ms for each in measured]
    return {
        "ms": round(statistics.median(times), 2),
        "spread_ms": [round(min(times), 2), round(max(times), 2)],
        "faces": measured[0].faces,
    }


def print_table(
    names: Sequence[str],
    sides: Sequence[Side],
    rows: Sequence[dict[str, object]],
    found: Sequence[dict[str, dict[str, Measured]]],
) -> None:
    """Print number of faces and time by photo and program, then the ratio of each peer to ours by size."""
    print("| photo | " + " | ".join(side.name for side in sides) + " |\n|" + " --- |" * (len(sides) + 1))
    by_key = {(row["photo"], row["side"]): row for row in rows}
    for name in names:
        cells = [by_key[name, side.name] for side in sides]
        print(f"| {name} | " + " | ".join(f"{cell['ms']:.1f} ms, {cell['faces']} found" for cell in cells) + " |")
    print(
        "\n| times that of ours | "
        + " | ".join(f"{width} px" for width, _ in SIZES)
        + " |\n| --- |"
        + " --- |" * len(SIZES)
    )
    for version in ("quick", "default"):
        for side in sides:
            if side.name.startswith("ours") or (side.name.startswith("least") and not side.name.endswith(version)):
                continue
            ratios = [
                describe_ratio(
                    found, lambda round_, of, width=width: sum_ms(round_[of], width), side.name, f"ours, {version}"
                )
                for width, _ in SIZES
            ]
            print(f"| {side.name} by ours, {version} | " + " | ".join(ratios) + " |")


def sum_ms(measured: dict[str, Measured], width: int) -> float:
    """Sum the times of both photos with a width."""
    return sum(each.ms for name, each in measured.items() if f"-{width}x" in name)


def describe_ratio(
    found: Sequence[dict[str, dict[str, Measured]]], take: Callable[..., float], above: str, below: str
) -> str:
    """Format the median of the rounds' ratios with minimum and maximum."""
    ratios = [take(round_, above) / take(round_, below) for round_ in found]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


if __name__ == "__main__":
    main()
