"""How far a training picture may be changed. Apart from `augment`, so that settings are read without TensorFlow."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How far faces may be changed; all zeros, the default, changes nothing.

    flip: whether half of the faces are mirrored. rotation_deg, shift (share of the side), zoom (share), stretch (share,
    width against height): each drawn evenly from minus to plus its value. contrast (share), brightness (of 255): the same.
    random_erasing: chance that a rectangle of 10 to 40 % of each side is filled with grey.
    blur (standard deviation of a Gaussian, in pixels of a face of 48), noise (standard deviation, of 255): of half of the faces
    each, drawn evenly from nothing to the value, as small faces, bad light and strong compression have them.
    cover: chance that a mask, dark glasses or a hand is drawn over the face. dim: chance that the face loses most of its light,
    down to a tenth, and gets a sensor's noise. Teachers see no blur, noise, covering or low light.
    """

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")

    flip: bool = False
    rotation_deg: float = 0.0
    shift: float = 0.0
    zoom: float = 0.0
    stretch: float = 0.0
    contrast: float = 0.0
    brightness: float = 0.0
    random_erasing: float = 0.0
    blur: Annotated[float, Field(ge=0, le=10)] = 0.0
    noise: Annotated[float, Field(ge=0, le=255)] = 0.0
    cover: Annotated[float, Field(ge=0, le=1)] = 0.0
    dim: Annotated[float, Field(ge=0, le=1)] = 0.0

    @property
    def is_identity(self) -> bool:
        """Whether faces come out as they went in (at the same side)."""
        return self == Augmentation()
