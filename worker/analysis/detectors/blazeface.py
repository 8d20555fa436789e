"""BlazeFace, the default detector: MediaPipe's small networks, run by LiteRT.

The whole picture is searched twice, for large and for small faces, and each proposal is then verified in a close-up. Compared
with a single pass of the full-range network, this finds several times as many faces in group photos and fewer false ones:
docs/decisions/0100-default-detector.md.
"""

from typing import ClassVar

import numpy as np

from worker.analysis.detectors.base import Candidates, CropGeometry, Detector, Extent
from worker.analysis.detectors.blazeface_network import BlazeFaceNetwork, NetworkShape
from worker.analysis.detectors.merging import MIN_IOU, drop_within, join_candidates, keep_outermost, merge_overlapping
from worker.analysis.detectors.proposals import find_plausible
from worker.analysis.detectors.turning import QUARTERS, find_lying, list_turns, turn_back, turn_picture
from worker.analysis.resize import Picture, Pyramid

SHORT_RANGE = NetworkShape("face_detection_short_range.tflite", 128, (8, 16), (2, 6))
"""For faces that fill much of the input, as in front of a laptop. 1.2 ms on one core of an AMD EPYC without AVX-512."""

BACK_CAMERA = NetworkShape("face_detection_back.tflite", 256, (16, 32), (2, 6))
"""For smaller faces. Fully convolutional, so it accepts any size divisible by its strides; 7.5 ms at 256x256 on that core."""

PROPOSAL_SCORE = 0.3
"""Minimum score of a proposal."""

LARGE_PROPOSAL_SCORE = 0.45
"""Score from which a proposal of the short-range network is verified first: of its 516 proposals that were faces none was below it,
of 158 others 75."""

SURE_SCORE = 0.8
"""Score of a large face above which proposals inside it aren't verified."""

MAX_PROPOSALS = 150
"""Maximum number of close-ups; bounds the time for a picture of foliage."""

WHOLE_MARGIN = 0.25
"""Share of the longer side added around the picture in the search for large faces, so that they may fill it."""

SMALLEST_FACE_PX = 16
"""Side of the smallest face that the back-camera network finds reliably, in pixels of its input."""

MIN_LOOK_PX, MAX_LOOK_PX = 256, 640
"""Longer side of the back-camera network's input: the size it was trained for, and a limit on time and memory (60 MB)."""

LOOK_STEP_PX = 32
"""Input sizes are multiples of this, the coarsest stride. Few sizes serve photos of many shapes."""

CLOSE_LOOK = 2.0
"""Side of a close-up, as a multiple of the proposal's side."""

SAME_PLACE, SAME_SIZE = 0.35, 1.67
"""A close-up confirms a proposal if it contains a face whose distance is at most this share of the proposal's side and whose size
differs by at most this factor.
"""

SAME_FACE_SHARE = 0.6
"""Share of the smaller box inside the larger one above which both are the same face."""


TURNED_SCORE = 0.8
"""Minimum score of a face found only in a rotated picture: two more searches mean more chances of a false one."""


class BlazeFaceDetector(Detector):
    """Finds faces from about 2.5 % of the picture's longer side up to those that fill it, tilted by up to 45 degrees.

    If it finds none, it searches the picture rotated by 90 degrees in each direction.
    """

    name: ClassVar[str] = "blazeface"
    default_threshold: ClassVar[float] = 0.7
    geometry: ClassVar[CropGeometry] = CropGeometry(margin=0.09, shift_y=-0.10)

    def load(self) -> None:
        self._large_faces = BlazeFaceNetwork(SHORT_RANGE)
        self._small_faces = BlazeFaceNetwork(BACK_CAMERA)
        # Each photo needs this network at this size. The other one's size depends on the photo; it takes up to 60 MB, and is
        # allocated on demand.
        self._large_faces.allocate()

    def _find_candidates(self, picture: Picture, min_face_px: int, threshold: float) -> Candidates:
        """Search the upright picture, then the rotated ones if it has no face."""
        found = self._find_upright(picture, min_face_px, threshold)
        if (found.scores >= threshold).any():
            return self._look_turned(picture, found, threshold)
        height, width = picture.shape[:2]
        turns = [
            turn_back(self._find_upright(turned, min_face_px, max(threshold, TURNED_SCORE)), quarters, width, height)
            for quarters, turned in list_turns(picture)
        ]
        surest = max(turns, key=lambda faces: float(faces.scores.max(initial=0.0)))
        return surest.take(np.flatnonzero(surest.scores >= TURNED_SCORE))

    def _look_turned(self, picture: Picture, found: Candidates, threshold: float) -> Candidates:
        """Verify faces that lie on their side again in the rotated picture, so that their eyes are located as precisely as
        others'.
        """
        height, width = picture.shape[:2]
        faces = [found.take(np.array([index])) for index in range(len(found.scores))]
        for quarters in QUARTERS:
            lying = np.flatnonzero(find_lying(found, quarters))
            if not len(lying):
                continue
            turned = Pyramid(turn_picture(picture, quarters))
            for index in lying.tolist():
                place = turn_back(faces[index], 4 - quarters, height, width).extents[0]
                upright = self._look_closely(turned, Extent(*place.tolist()), threshold)
                if len(upright.scores):
                    faces[index] = turn_back(upright, quarters, width, height)
        return join_candidates(faces)

    def _find_upright(self, picture: Picture, min_face_px: int, threshold: float) -> Candidates:
        """Verify the proposals; those that were put aside only where none of the others is a face."""
        pyramid = Pyramid(picture)
        proposals, implausible = self._propose(pyramid, min_face_px)
        faces = self._confirm(pyramid, proposals, threshold)
        if not len(faces.scores):
            faces = self._confirm(pyramid, implausible, threshold)
        return keep_outermost(merge_overlapping(faces, min_iou=MIN_IOU), min_share=SAME_FACE_SHARE)

    def _confirm(self, pyramid: Pyramid, proposals: Candidates, threshold: float) -> Candidates:
        """Verify one proposal after another, skipping those inside a confirmed face: most lie around a true one."""
        faces = join_candidates([])
        for index, extent in enumerate(proposals.extents.tolist()):
            if len(drop_within(proposals.take(np.array([index])), faces, min_share=SAME_FACE_SHARE).scores):
                faces = join_candidates([faces, self._look_closely(pyramid, Extent(*extent), threshold)])
        return faces

    def _propose(self, pyramid: Pyramid, min_face_px: int) -> tuple[Candidates, Candidates]:
        """Search the whole picture for large faces, then for small ones.

        Returns the best proposals, and those that are put aside, highest score first.
        """
        height, width = pyramid.picture.shape[:2]
        edge = max(width, height) * WHOLE_MARGIN
        around = Extent(-edge, -edge, width + edge, height + edge)
        large = self._large_faces.find_candidates(pyramid, around, threshold=PROPOSAL_SCORE)
        large, small = merge_overlapping(large, min_iou=MIN_IOU), self._propose_small(pyramid, min_face_px)
        sure = large.take(np.flatnonzero(large.scores >= SURE_SCORE))
        small = drop_within(small, sure, min_share=SAME_FACE_SHARE)
        likely = np.concatenate([large.scores >= LARGE_PROPOSAL_SCORE, find_plausible(small)])
        both = join_candidates([large, small])
        order = np.argsort(-both.scores, kind="stable")[:MAX_PROPOSALS]
        return both.take(order[likely[order]]), both.take(order[~likely[order]])

    def _propose_small(self, pyramid: Pyramid, min_face_px: int) -> Candidates:
        """Search the whole picture for small faces."""
        height, width = pyramid.picture.shape[:2]
        size = choose_input_size(width, height, min_face_px)
        whole = Extent(0, 0, width, height)
        found = self._small_faces.find_candidates(pyramid, whole, threshold=PROPOSAL_SCORE, size=size)
        return merge_overlapping(found, min_iou=MIN_IOU)

    def _look_closely(self, picture: Pyramid, proposal: Extent, threshold: float) -> Candidates:
        """Run the network on the square around a proposal; return the face that confirms it, or no candidate."""
        center_x, center_y = (proposal.left + proposal.right) / 2, (proposal.top + proposal.bottom) / 2
        side = max(proposal.right - proposal.left, 1.0)
        reach = side * CLOSE_LOOK / 2
        square = Extent(center_x - reach, center_y - reach, center_x + reach, center_y + reach)
        found = self._large_faces.find_candidates(picture, square, threshold=threshold)
        found = merge_overlapping(found, min_iou=MIN_IOU)
        centers = (found.extents[:, :2] + found.extents[:, 2:]) / 2
        distances = np.linalg.norm(centers - np.array([center_x, center_y], np.float32), axis=1)
        ratios = (found.extents[:, 2] - found.extents[:, 0]) / side
        is_same = (distances < SAME_PLACE * side) & (ratios < SAME_SIZE) & (ratios > 1 / SAME_SIZE)
        return found.take(np.flatnonzero(is_same)[:1])


def choose_input_size(width: int, height: int, min_face_px: int) -> tuple[int, int]:
    """Return the input size in pixels at which the smallest wanted face is still found, within the limits.

    width, height: of the picture. The input has the same shape, rounded to the strides.
    """
    longer = max(width, height)
    wanted = min(MAX_LOOK_PX, max(MIN_LOOK_PX, SMALLEST_FACE_PX * longer / min_face_px))
    steps_wide, steps_high = (-(-side * wanted // (longer * LOOK_STEP_PX)) for side in (width, height))
    return max(1, int(steps_wide)) * LOOK_STEP_PX, max(1, int(steps_high)) * LOOK_STEP_PX
