"""Fits worker/analysis/detectors/proposals.json: which proposals of the back-camera network are worth a close look.

    python -m bench.detectors.fit_proposals --csv fer2013.csv [--write]

Looks closely at every proposal in the pictures of bench.detectors.compare, and fits a logistic regression to the outcomes. Prints
how many true and false proposals would be left out. With --write, it stores the regression.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from bench.detectors.compare import MIN_FACE_PX
from bench.detectors.scenes import build_scenes
from worker.analysis.detectors.base import Candidates, Extent
from worker.analysis.detectors.blazeface import BlazeFaceDetector
from worker.analysis.detectors.proposals import FaceShape, expand_features, measure_shapes, rate_shapes
from worker.analysis.resize import Pyramid

FILE = Path(__file__).parents[2] / "worker/analysis/detectors/proposals.json"
LOST_SHARE = 0.002
"""Share of the true proposals that may be left out. Nearly all of their faces have another proposal."""
L2 = 3.0
"""Weight of the squared weights, beside the sum of the log-losses."""


class RecordingDetector(BlazeFaceDetector):
    """Looks closely at every proposal of the back-camera network, and records its features and what came of it."""

    def __init__(self) -> None:
        super().__init__()
        self.features: list[npt.NDArray[np.float32]] = []
        self.is_face: list[bool] = []

    def _propose(self, pyramid: Pyramid, min_face_px: int) -> tuple[Candidates, Candidates]:
        small = self._propose_small(pyramid, min_face_px)
        self.features.append(measure_shapes(small))
        for extent in small.extents.tolist():
            found = self._look_closely(pyramid, Extent(*extent), self.default_threshold)
            self.is_face.append(len(found.scores) > 0)
        return super()._propose(pyramid, min_face_px)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--csv", type=Path, required=True, help="FER2013 in its published CSV form")
    parser.add_argument("--write", action="store_true", help="store what was fitted")
    arguments = parser.parse_args()

    detector = RecordingDetector()
    detector.load()
    detector.features.clear()
    detector.is_face.clear()
    for scene in build_scenes(arguments.csv):
        detector.detect(scene.picture, min_face_px=MIN_FACE_PX)
    features, is_face = np.concatenate(detector.features), np.array(detector.is_face)
    shape = fit_shape(features, is_face)
    is_kept = rate_shapes(features, shape) >= shape.least
    lost, spared = int((is_face & ~is_kept).sum()), int((~is_face & ~is_kept).sum())
    print(f"left out: {lost} of {is_face.sum()} true and {spared} of {(~is_face).sum()} false proposals")
    if arguments.write:
        stored = {name: np.round(value, 4).tolist() for name, value in shape._asdict().items()}
        FILE.write_text(json.dumps(stored, indent=2) + "\n", encoding="utf-8")


def fit_shape(features: npt.NDArray[np.float32], is_face: npt.NDArray[np.bool_]) -> FaceShape:
    """Fit the regression, with its limit. features: float32 (N, F). is_face: bool (N,)."""
    center, spread = features[is_face].mean(axis=0), features[is_face].std(axis=0)
    rows = expand_features(features, center, spread).astype(np.float64)
    signs = np.where(is_face, 1.0, -1.0)

    def measure_loss(flat: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        margins = signs * (rows @ flat[:-1] + flat[-1])
        slopes = -signs / (1 + np.exp(np.minimum(margins, 50)))
        loss = np.logaddexp(0, -margins).sum() + L2 / 2 * (flat[:-1] ** 2).sum()
        return float(loss), np.append(rows.T @ slopes + L2 * flat[:-1], slopes.sum())

    found = minimize(measure_loss, np.zeros(rows.shape[1] + 1), jac=True, method="L-BFGS-B").x
    shape = FaceShape(center, spread, found[:-1].astype(np.float32), float(found[-1]), 0.0)
    return shape._replace(least=float(np.quantile(rate_shapes(features[is_face], shape), LOST_SHARE)))


if __name__ == "__main__":
    main()
