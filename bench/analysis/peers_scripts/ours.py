"""For bench/analysis/peers.py: our analysis, or its minimum. Prints JSON: photo -> [ms, faces].

python ours.py (ours | least) VERSION FOLDER REPEATS
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from training.export.artifact import list_pretrained
from worker.analysis.classifier import load_classifier
from worker.analysis.detectors.base import Extent
from worker.analysis.detectors.blazeface import BACK_CAMERA, choose_input_size
from worker.analysis.detectors.blazeface_network import BlazeFaceNetwork
from worker.analysis.detectors.loading import load_detector
from worker.analysis.pipeline import analyze_photo
from worker.analysis.resize import resize_picture

MIN_FACE_PX = 24
MAX_PIXELS = 10**8


def main() -> None:
    kind, version, folder, repeats = sys.argv[1:]
    classifier = load_classifier(list_pretrained()[version], "litert")
    detector, network = load_detector("blazeface"), BlazeFaceNetwork(BACK_CAMERA)

    def analyze(data: bytes) -> int:
        return len(analyze_photo(data, detector, classifier, max_pixels=MAX_PIXELS, min_face_px=MIN_FACE_PX).faces)

    def do_least(data: bytes, faces: int) -> int:
        picture = np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB), np.uint8)
        height, width = picture.shape[:2]
        size = choose_input_size(width, height, MIN_FACE_PX)
        network.find_candidates(resize_picture(picture, *size), Extent(0, 0, *size), threshold=0.9, size=size)
        classifier.classify(np.zeros((faces, 48, 48), np.uint8))
        return faces

    answers = {}
    for path in sorted(Path(folder).glob("*.jpg")):
        data = path.read_bytes()
        faces = analyze(data)
        work: Callable[[], int] = (lambda: analyze(data)) if kind == "ours" else (lambda: do_least(data, faces))  # noqa: B023 - called at once
        answers[path.stem] = (measure(work, int(repeats)), faces)
    print(json.dumps(answers))


def measure(work: Callable[[], int], repeats: int) -> float:
    """The least processor time in milliseconds."""
    work()
    times = []
    for _ in range(repeats):
        began = time.process_time()
        work()
        times.append(1000 * (time.process_time() - began))
    return min(times)


if __name__ == "__main__":
    main()
