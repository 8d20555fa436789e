"""From the start of a process to its first answer: ours, and the least that the same packages and networks take.

    python -m bench.analysis.cold_start [--model DIR] [--runs 9] [--quick] [--json FILE]

Ours is a fresh Python process that imports the analysis, loads the default detector and the classifier, and analyses a portrait.
The least imports NumPy, OpenCV and LiteRT, loads the same two networks, decodes the portrait, resizes it once, and runs each
network once. Both run in turn. Prints the median of the processor times and of the times by the clock, and the ratio with its least
and greatest; then the memory of ours after forty photos.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench.machine import describe_machine
from emoscope.stack.demo_photos import encode_jpeg, load_demo_photos, load_portrait
from training.export.artifact import list_pretrained
from worker.analysis.classifier import LiteRTClassifier
from worker.analysis.detectors.blazeface import BACK_CAMERA, choose_input_size
from worker.analysis.detectors.blazeface_network import locate_weights

_SIZE = (640, 480)
_MIN_FACE_PX = 24

OURS = """
import sys
from pathlib import Path
from worker.analysis.pipeline import analyze_photo
from worker.analysis.classifier import load_classifier
from worker.analysis.detectors.loading import load_detector
detector = load_detector("blazeface")
classifier = load_classifier(Path(sys.argv[1]), "litert")
def analyze(path):
    return len(analyze_photo(Path(path).read_bytes(), detector, classifier, max_pixels=10**8, min_face_px=24).faces)
faces = analyze(sys.argv[2])
"""

LEAST = """
import sys
from pathlib import Path
import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter
detector, classifier, photo, width, height = sys.argv[1:]
def load(path, shape):
    interpreter = Interpreter(model_content=Path(path).read_bytes(), num_threads=1)
    index = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(index, shape)
    interpreter.allocate_tensors()
    return interpreter, index
networks = [load(detector, [1, int(height), int(width), 3]), load(classifier, [1, 48, 48, 1])]
picture = cv2.imdecode(np.fromfile(photo, np.uint8), cv2.IMREAD_COLOR_RGB)
small = cv2.resize(picture, (int(width), int(height)), interpolation=cv2.INTER_AREA)
inputs = [(small.astype(np.float32) / 127.5 - 1)[np.newaxis], np.zeros((1, 48, 48, 1), np.uint8)]
for (interpreter, index), given in zip(networks, inputs):
    interpreter.set_tensor(index, given)
    interpreter.invoke()
    answer = [interpreter.get_tensor(each["index"]) for each in interpreter.get_output_details()]
faces = 1
"""

_TELL = """
import json, time
print(json.dumps({"ended_at": time.time(), "cpu_s": time.process_time(), "faces": faces}))
"""

_TELL_MEMORY = """
import json, resource
for path in sys.argv[3:]:
    for _ in range(20):
        analyze(path)
heavy = [name for name in ("tensorflow", "keras", "dlib", "face_recognition") if name in sys.modules]
pages = int(Path("/proc/self/statm").read_text().split()[1])
print(json.dumps({
    "rss_mb": round(pages * resource.getpagesize() / 1e6),
    "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3),
    "heavy_imports": heavy,
}))
"""


class Start(NamedTuple):
    """Of one process, from its start to its first answer, in seconds. wall_s: by the clock."""

    cpu_s: float
    wall_s: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="folder of a model version; without, the one that ships")
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path, help="file for the same rows as JSON")
    given = parser.parse_args()
    model = given.model or next(iter(list_pretrained().values()))
    with tempfile.TemporaryDirectory() as folder:
        commands = write_commands(Path(folder), model)
        for command in commands.values():
            start(command)  # compiles Python's modules, and fills the cache of the disk
        count = 1 if given.quick else given.runs
        runs = [{side: start(command) for side, command in commands.items()} for _ in range(count)]
        memory = measure_memory(Path(folder), model)
    rows = [summarize(measure, runs) for measure in Start._fields]
    print("| from start to first answer | ours | least | ratio |\n| --- | --- | --- | --- |")
    for row in rows:
        middle, least, greatest = row["ratio"]
        print(
            f"| {row['measure']} | {row['ours']:.3f} s | {row['least']:.3f} s | {middle:.2f} ({least:.2f} to {greatest:.2f}) |"
        )
    print(
        f"{memory['rss_mb']} MB resident after forty photos, {memory['peak_mb']} MB at most, imported of the heavy packages: "
        f"{memory['heavy_imports'] or 'none'}"
    )
    if given.json:
        result = {"machine": describe_machine(), "rows": rows, "memory": memory}
        given.json.write_text(json.dumps(result, indent=1) + "\n")


def write_commands(folder: Path, model: Path) -> dict[str, list[str]]:
    """The command line of each side. Its photo lies in the folder."""
    photo = folder / "portrait.jpg"
    photo.write_bytes(encode_jpeg(load_portrait("astronaut").image.resize(_SIZE)))
    classifier = LiteRTClassifier()
    classifier.load(model)  # chooses between the forms of the version
    size = [str(side) for side in choose_input_size(*_SIZE, _MIN_FACE_PX)]
    weights = str(locate_weights(BACK_CAMERA.file_name))
    python = [sys.executable, "-P", "-c"]
    return {
        "ours": [*python, OURS + _TELL, str(model), str(photo)],
        "least": [*python, LEAST + _TELL, weights, str(model / classifier.file_name), str(photo), *size],
    }


def start(command: Sequence[str]) -> Start:
    """One process, from its start to its first answer."""
    began = time.time()
    done = run(command)
    assert done["faces"] == 1
    return Start(done["cpu_s"], done["ended_at"] - began)


def run(command: Sequence[str]) -> dict[str, Any]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def measure_memory(folder: Path, model: Path) -> dict[str, Any]:
    """Resident memory of a process after twenty analyses of each demo photo."""
    paths = []
    for photo in load_demo_photos():
        path = folder / photo.name
        path.write_bytes(photo.data)
        paths.append(str(path))
    return run([sys.executable, "-P", "-c", OURS + _TELL_MEMORY, str(model), paths[0], *paths])


def summarize(measure: str, runs: Sequence[dict[str, Start]]) -> dict[str, Any]:
    """The medians, and the ratio with its least and greatest."""
    ours, least = ([getattr(run[side], measure) for run in runs] for side in ("ours", "least"))
    ratios = [one / other for one, other in zip(ours, least, strict=True)]
    return {
        "measure": {"cpu_s": "processor time", "wall_s": "by the clock"}[measure],
        "ours": round(statistics.median(ours), 3),
        "least": round(statistics.median(least), 3),
        "ratio": [round(each, 2) for each in (statistics.median(ratios), min(ratios), max(ratios))],
    }


if __name__ == "__main__":
    main()
