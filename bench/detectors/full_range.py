"""The usual way to run BlazeFace, for comparison: a single pass of the full-range network over the whole picture."""

from typing import ClassVar

from worker.analysis.detectors.base import Candidates, CropGeometry, Detector, Extent
from worker.analysis.detectors.blazeface_network import BlazeFaceNetwork, NetworkShape
from worker.analysis.detectors.merging import MIN_IOU, merge_overlapping
from worker.analysis.resize import Picture


class FullRangeDetector(Detector):
    name: ClassVar[str] = "blazeface full range, one look"
    default_threshold: ClassVar[float] = 0.5
    geometry: ClassVar[CropGeometry] = CropGeometry(margin=0.07, shift_y=-0.04)

    def load(self) -> None:
        self._network = BlazeFaceNetwork(NetworkShape("face_detection_full_range.tflite", 192, (4,), (1,)))

    def _find_candidates(self, picture: Picture, min_face_px: int, threshold: float) -> Candidates:
        whole = Extent(0, 0, picture.shape[1], picture.shape[0])
        return merge_overlapping(self._network.find_candidates(picture, whole, threshold=threshold), min_iou=MIN_IOU)
