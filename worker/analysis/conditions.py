"""Conditions that make a face hard to classify, measured on its crop: small, dark, out of focus, or covered.

Measured without the network, so that they mean the same for every version. Thresholds: docs/decisions/0211.
"""

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from db.core.vocabulary import CROP_SIDE, FaceCondition

SMALL_FACE_PX = CROP_SIDE
"""Smaller faces are enlarged for their crop."""
DARK_MEAN = 45.0
"""Mean grey, of 255, below which a crop is dark: true of 0.5 % of FER2013's training rows."""
BLURRED_SHARPNESS = 0.2
"""Sharpness below which a crop is out of focus: true of 0.1 % of FER2013's training rows, and of most of them blurred by a pixel.
"""
COVERED_CHANCE = 0.9
"""Probability from which a face counts as covered. True of 100 % of drawn masks, 91 % of drawn sunglasses, 0.4 % of FER2013's
validation rows and none of 423 web photos. Hands aren't detected.
"""

_CELL = 8
_GRID = CROP_SIDE // _CELL


class CropMeasures(NamedTuple):
    """Measures of a crop. mean_grey: 0 to 255. sharpness: see measure_sharpness. covered_chance: 0 to 1."""

    mean_grey: float
    sharpness: float
    covered_chance: float


def measure_crop(crop: npt.NDArray[np.uint8]) -> CropMeasures:
    """Measure a crop. crop: uint8 (48, 48), grey."""
    face = crop.astype(np.float32)
    return CropMeasures(float(face.mean()), measure_sharpness(face), compute_covered_chance(measure_cells(face)))


def name_conditions(measures: CropMeasures, face_px: int) -> tuple[FaceCondition, ...]:
    """List the conditions that make a face hard to classify; usually none. face_px: shorter side of the face in the photo."""
    found = (
        (FaceCondition.SMALL, face_px < SMALL_FACE_PX),
        (FaceCondition.DARK, measures.mean_grey < DARK_MEAN),
        (FaceCondition.BLURRED, measures.sharpness < BLURRED_SHARPNESS),
        (FaceCondition.COVERED, measures.covered_chance >= COVERED_CHANCE),
    )
    return tuple(condition for condition, holds in found if holds)


def measure_cells(face: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return mean, contrast and sharpness of each of the 36 cells of a standardised crop: float32 (108,)."""
    standard = _standardize(face)
    means = _pool(standard)
    variances = np.maximum(_pool(standard * standard) - means * means, 0.0)
    edges = np.pad(np.abs(_find_edges(standard)), 1)
    parts = (means, 0.5 * np.log(variances + 0.01), np.log(_pool(edges) + 0.05))
    return np.concatenate([part.ravel() for part in parts]).astype(np.float32)


def measure_sharpness(face: npt.NDArray[np.float32]) -> float:
    """Return the mean size of the Laplacian of a standardised crop: small if edges are soft or missing."""
    return float(np.abs(_find_edges(_standardize(face))).mean())


def compute_covered_chance(cells: npt.NDArray[np.float32]) -> float:
    """Return the probability, 0 to 1, that something covers a part of the face with these cells."""
    weights, bias = _load_covered_weights()
    return float(1 / (1 + np.exp(-(cells @ weights + bias))))


@cache
def _load_covered_weights() -> tuple[npt.NDArray[np.float32], float]:
    stored = json.loads(Path(__file__).with_name("covered.json").read_text(encoding="utf-8"))
    return np.array(stored["weights"], np.float32), float(stored["bias"])


def _standardize(face: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray((face - face.mean()) / max(float(face.std()), 1.0), np.float32)


def _find_edges(face: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    around = face[:-2, 1:-1] + face[2:, 1:-1] + face[1:-1, :-2] + face[1:-1, 2:]
    return np.asarray(4 * face[1:-1, 1:-1] - around, np.float32)


def _pool(face: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray(face.reshape(_GRID, _CELL, _GRID, _CELL).mean(axis=(1, 3)), np.float32)
