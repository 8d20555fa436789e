"""Pictures turned by a quarter, and detections in them turned back."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from worker.analysis.detectors.base import Candidates
from worker.analysis.resize import Picture

QUARTERS = (1, 3)
"""Counter-clockwise: 1 sets a head upright that leans to its left shoulder, 3 the other."""


def turn_picture(picture: Picture, quarters: int) -> Picture:
    """The picture turned counter-clockwise by that many quarters."""
    return np.ascontiguousarray(np.rot90(picture, quarters))


def turn_back(candidates: Candidates, quarters: int, width: int, height: int) -> Candidates:
    """Candidates found in a turned picture, in pixels of the picture itself.

    quarters: 1 or 3, as it was turned. width, height: of the picture itself.
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
    """Which candidates, bool (N,), lie on the side that a turn by these quarters sets upright: by 45 degrees or more."""
    if candidates.eyes is None:
        return np.zeros(len(candidates.scores), bool)
    across, down = (candidates.eyes[:, 1] - candidates.eyes[:, 0]).T
    return np.asarray((down if quarters == 1 else -down) > np.abs(across))


def list_turns(picture: Picture) -> Iterator[tuple[int, Picture]]:
    """The picture turned each way, with how far."""
    for quarters in QUARTERS:
        yield quarters, turn_picture(picture, quarters)
