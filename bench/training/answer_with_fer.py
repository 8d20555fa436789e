"""Classifies faces with the package `fer`. Runs in a separate environment, because it needs other versions than ours.

    python bench/training/answer_with_fer.py FACES.npy ANSWERS.npz

FACES: uint8 (N, 48, 48), grey. ANSWERS: `probabilities`, float32 (N, 7) in the order of EMOTIONS, and `ms`, float64 (N,). The
whole picture is passed as the face, so that its detector and margin have no effect.
"""

import sys
import time

import numpy as np
from fer.fer import FER

ORDER = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")


def main() -> None:
    faces_path, answers_path = sys.argv[1:]
    faces = np.load(faces_path)
    model = FER(offsets=(0, 0))
    answers, times_ms = [], []
    for face in faces:
        picture = np.repeat(face[..., None], 3, axis=2)
        started = time.perf_counter()
        found = model.detect_emotions(picture, face_rectangles=[(0, 0, *face.shape)])
        times_ms.append((time.perf_counter() - started) * 1000)
        answers.append([found[0]["emotions"][name] for name in ORDER])
    np.savez(answers_path, probabilities=np.array(answers, np.float32), ms=np.array(times_ms))


if __name__ == "__main__":
    main()
