"""Measures start-up time and memory of an analysis process on a CPU.

    python -m bench.analysis.cold_start [--model DIR] [--runs 5]

Starts fresh Python processes that import the analysis, load the default detector and the LiteRT classifier, and analyse the
astronaut and the page of several faces. "ready" is the time from process start to warm models.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from emoscope.stack.demo_photos import load_demo_photos
from training.export.artifact import list_pretrained

CHILD = """
import sys, time
from pathlib import Path
from worker.analysis.pipeline import analyze_photo
from worker.analysis.classifier import load_classifier
from worker.analysis.detectors.loading import load_detector
detector = load_detector("blazeface")
classifier = load_classifier(Path(sys.argv[1]), "litert")
classifier.warm()
ready_at = time.time()
import json, resource
faces = [
    len(analyze_photo(Path(path).read_bytes(), detector, classifier, max_pixels=10**8, min_face_px=24).faces)
    for path in sys.argv[2:]
    for _ in range(20)
]
heavy = [name for name in ("tensorflow", "keras", "dlib", "face_recognition") if name in sys.modules]
pages = int(Path("/proc/self/statm").read_text().split()[1])
report = {
    "ready_at": ready_at,
    "faces": sum(faces),
    "rss_mb": pages * resource.getpagesize() / 1e6,
    "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    "heavy_imports": heavy,
}
print(json.dumps(report))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="folder of a model version; without, the one that ships")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    model = arguments.model or next(iter(list_pretrained().values()))
    for _ in range(arguments.runs):
        report = measure_process(model)
        print(
            f"ready after {report['ready_s']:.2f} s, {report['rss_mb']:.0f} MB resident after {report['faces']} faces, "
            f"{report['peak_mb']:.0f} MB at most, imported of the heavy packages: {report['heavy_imports'] or 'none'}",
            flush=True,
        )


def measure_process(model_dir: Path) -> dict[str, Any]:
    """Start a process; return its report, with `ready_s` since its start."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for photo in load_demo_photos():
            path = Path(folder, photo.name)
            path.write_bytes(photo.data)
            paths.append(str(path))
        started = time.time()
        process = subprocess.run(
            [sys.executable, "-c", CHILD, str(model_dir), *paths], check=True, capture_output=True, text=True
        )
    report: dict[str, Any] = json.loads(process.stdout)
    return {**report, "ready_s": report["ready_at"] - started}


if __name__ == "__main__":
    main()
