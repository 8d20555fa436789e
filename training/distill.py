"""Other versions' answers as part of what a run teaches (Hinton et al. 2015): several networks' knowledge in one.

Each teacher answers with the temperature that it had while it learnt, not the calibrated one, for its shares are to be like the
labels' shares. Of several, the logits are averaged, which is the mean that a vote of equals would give.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.artifact import KERAS_FILE, Manifest
from training.served import load_keras, predict

_ASKED_AT_ONCE = 256


def ask_teachers(teachers: Sequence[Path], images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """What the versions in these folders see, taken together.

    teachers: at least one. images: uint8 (N, 48, 48). Returns float32 (N, 7), shares summing to 1.
    Raises ArtifactError for a folder that holds no whole version.
    """
    logits = np.stack([_ask(teacher, images) for teacher in teachers]).mean(axis=0)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    whole: npt.NDArray[np.float32] = (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)
    return whole


def _ask(teacher: Path, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Its logits, up to a constant a row."""
    manifest = Manifest.read(teacher)
    served = load_keras(teacher / KERAS_FILE, manifest.files[KERAS_FILE].sha256)
    starts = range(0, len(images), _ASKED_AT_ONCE)
    answers = np.concatenate([predict(served, images[start : start + _ASKED_AT_ONCE]) for start in starts])
    logits = np.log(np.maximum(answers.astype(np.float64), 1e-12)) * manifest.temperature
    centred: npt.NDArray[np.float64] = logits - logits.mean(axis=1, keepdims=True)
    return centred
