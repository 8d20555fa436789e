"""For bench/analysis/peers.py: the package fer with its default detector. Prints JSON: photo -> [ms, faces].

Runs in a separate environment without our packages: python run_fer.py FOLDER REPEATS
"""

import json
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf
from fer.fer import FER


def main() -> None:
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    folder, repeats = Path(sys.argv[1]), int(sys.argv[2])
    finder = FER(mtcnn=False)
    answers = {}
    for path in sorted(folder.glob("*.jpg")):
        times, faces = [], 0
        for _ in range(repeats + 1):
            began = time.process_time()
            picture = cv2.imdecode(np.frombuffer(path.read_bytes(), "uint8"), cv2.IMREAD_COLOR)
            faces = len(finder.detect_emotions(picture))
            times.append(1000 * (time.process_time() - began))
        answers[path.stem] = (min(times[1:]), faces)
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
