"""Rotates pictures by 90 degrees, and detections back."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from worker.analysis.detectors.base import Candidates
from worker.analysis.resize import Picture

QUARTERS = (1, 3)
"""Counter-clockwise quarter turns: 1 turns a head upright that leans to its left shoulder, 3 to the other."""


def turn_picture(picture: Picture, quarters: int) -> Picture:
    """Return the picture rotated counter-clockwise by that many quarter turns."""
    return np.ascontiguousarray(np.rot90(picture, quarters))


def turn_back(candidates: Candidates, quarters: int, width: int, height: int) -> Candidates:
    """Convert candidates of a rotated picture to pixels of the original.

    quarters: 1 or 3, as it was rotated. width, height: of the original.
    """
    left, top, right, bottom = candidates.extents.T
    if quarters == 1:
        extents = np.stack([width - bottom, left, width - top, right], axis=1)
    else:
        extents = np.stack([top, height - right, bottom, height - left], axis=1)
    landmarks = None
    if candidates.landmarks is not None:
        x, y = candidates.landmarks[..., 0], candidates.landmarks[..., 1]
        landmarks = np.stack([width - y, x] if quarters == 1 else [y, height - x], axis=2).astype(np.float32)
    return Candidates(extents.astype(np.float32), candidates.scores, landmarks)


def find_lying(candidates: Candidates, quarters: int) -> npt.NDArray[np.bool_]:
    """Return which candidates, bool (N,), a rotation by these quarter turns makes upright: those tilted by 45 degrees or more."""
    if candidates.eyes is None:
        return np.zeros(len(candidates.scores), bool)
    across, down = (candidates.eyes[:, 1] - candidates.eyes[:, 0]).T
    return np.asarray((down if quarters == 1 else -down) > np.abs(across))


def list_turns(picture: Picture) -> Iterator[tuple[int, Picture]]:
    """Return the picture rotated in each direction, with the number of quarter turns."""
    for quarters in QUARTERS:
        yield quarters, turn_picture(picture, quarters)
