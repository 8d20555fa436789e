"""Settings of the augmentation. Separate from `augment`, so that settings are read without TensorFlow."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Ranges of the augmentation; all zeros, the default, changes nothing.

    flip: whether half of the faces are mirrored. rotation_deg, shift (share of the side), zoom (share), stretch (share, width
    against height): each drawn uniformly from minus to plus its value. contrast (share), brightness (of 255): likewise.
    random_erasing: probability of filling a rectangle of 10 to 40 % of each side with grey. blur (standard deviation of a
    Gaussian, in pixels of a face of 48), noise (standard deviation, of 255): each applied to half of the faces, uniform from
    zero to the value, like small faces, bad light and strong compression.
    cover: probability of drawing a mask, dark glasses or a hand over the face.
    dim: probability of removing most of the light, down to a tenth, and adding sensor noise. Teachers see no blur, noise,
    covering or low light.
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
        """Whether it changes no face (of the same side)."""
        return self == Augmentation()
