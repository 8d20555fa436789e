"""Tells whether a face is suitable for classification, and if not, why. Computed on reading, so that limits can change.

The limits of `dark`, `blurred` and `covered` are those of `worker/analysis/conditions.py`; the others are chosen here.
"""

from collections.abc import Sequence
from typing import Protocol

from db.core.vocabulary import FaceCondition, UnusableReason

SMALLEST_PX = 24
"""Half the side of a crop: in smaller faces, three of four pixels are interpolated."""
BRIGHTEST = 0.92
"""Mean grey above which a crop is washed out."""
LARGEST_YAW_DEG = 45.0
"""Above this, one eye and half of the mouth are hidden."""
LEAST_INSIDE_SHARE = 0.75
"""Below this, the mouth or the brows lie outside the picture."""

_OF_CONDITIONS = {
    FaceCondition.DARK: UnusableReason.DARK,
    FaceCondition.BLURRED: UnusableReason.BLURRED,
    FaceCondition.COVERED: UnusableReason.COVERED,
}


class MeasuredFace(Protocol):
    """The columns of a face that are examined."""

    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def conditions(self) -> Sequence[str] | None: ...
    @property
    def yaw_deg(self) -> float | None: ...
    @property
    def sharpness(self) -> float | None: ...
    @property
    def brightness(self) -> float | None: ...
    @property
    def inside_share(self) -> float | None: ...


def list_unusable_reasons(face: MeasuredFace) -> list[UnusableReason] | None:
    """List what makes a face unsuitable; empty for a usable one, None for a face stored before this was measured."""
    if face.sharpness is None or face.brightness is None or face.inside_share is None:
        return None
    conditions = face.conditions or ()
    found = {
        UnusableReason.SMALL: min(face.width, face.height) < SMALLEST_PX,
        **{reason: condition in conditions for condition, reason in _OF_CONDITIONS.items()},
        UnusableReason.BRIGHT: face.brightness > BRIGHTEST,
        UnusableReason.TURNED_AWAY: face.yaw_deg is not None and abs(face.yaw_deg) > LARGEST_YAW_DEG,
        UnusableReason.CUT_OFF: face.inside_share < LEAST_INSIDE_SHARE,
    }
    return [reason for reason in UnusableReason if found[reason]]
