"""Pixel arrays: their type, and resizing."""

import cv2
import numpy as np
import numpy.typing as npt

# There is one worker process per core, so OpenCV's own threads would only compete.
cv2.setNumThreads(1)

Picture = npt.NDArray[np.uint8]
"""uint8 (height, width, 3), RGB, upright; or (height, width), grey."""


def resize_picture(picture: Picture, width: int, height: int) -> Picture:
    """Scale a picture to `width` x `height` pixels without aliasing.

    picture: uint8 (H, W, 3) or (H, W).
    Returns uint8 with the same number of channels; the picture itself if the size is unchanged.

    OpenCV's INTER_AREA takes 8 ms for a 1920x1280 picture at an odd factor, and 0.8 ms at a factor of two, for which it has
    vector instructions. So the picture is halved as often as possible, and the remaining factor below two is interpolated.
    """
    while picture.shape[0] >= 2 * height and picture.shape[1] >= 2 * width:
        halved = (picture.shape[1] // 2, picture.shape[0] // 2)
        picture = np.asarray(cv2.resize(picture, halved, interpolation=cv2.INTER_AREA), np.uint8)
    if picture.shape[:2] == (height, width):
        return picture
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


OVERSAMPLING = 2
"""Minimum pixels of a level per pixel of the result, in each direction. With 1, two of 973 faces are lost: decision 0100."""


class Pyramid:
    """A picture with its halves, quarters and so on, each computed once on demand."""

    def __init__(self, picture: Picture) -> None:
        """picture: uint8 (H, W, 3) or (H, W)."""
        self._levels = [picture]

    @property
    def picture(self) -> Picture:
        """The picture at full size."""
        return self._levels[0]

    def find_level(self, scale: float) -> tuple[Picture, tuple[float, float]]:
        """Return the smallest level that has OVERSAMPLING pixels in each direction per pixel of the picture scaled by `scale`.

        Returns it with its scale: pixels of the picture, across and down, per pixel of the level.
        """
        number = 0
        while scale * 2 ** (number + 1) * OVERSAMPLING <= 1 and min(self._levels[number].shape[:2]) >= 2:
            if number + 1 == len(self._levels):
                last = self._levels[number]
                halved = (last.shape[1] // 2, last.shape[0] // 2)
                self._levels.append(np.asarray(cv2.resize(last, halved, interpolation=cv2.INTER_AREA), np.uint8))
            number += 1
        level = self._levels[number]
        return level, (self.picture.shape[1] / level.shape[1], self.picture.shape[0] / level.shape[0])


def choose_scale(picture: Picture, wanted: float, max_side_px: int, max_scale: float) -> float:
    """Choose the scale for a detector whose cost is proportional to pixels.

    wanted: scale at which the smallest face of interest has the smallest size that the detector finds.
    max_side_px: maximum longer side of the scaled picture.
    max_scale: maximum enlargement.
    """
    longer_side: int = max(picture.shape[:2])
    return min(wanted, max_scale, max_side_px / longer_side)


def scale_picture(picture: Picture, scale: float) -> Picture:
    """Scale both sides by the same factor, to at least one pixel."""
    height, width = (max(1, round(side * scale)) for side in picture.shape[:2])
    return resize_picture(picture, width, height)
