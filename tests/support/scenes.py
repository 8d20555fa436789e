"""A drawn scene, and its pixels as the decoder gives them."""

import numpy as np

from db.photos.header import open_photo
from db.photos.memory import MAX_DECODING_BYTES
from db.photos.pixels import decode_upright
from tests.fuzz.files import make_scene

MANY = 10**8


SCENE = make_scene(3, (61, 45))


def decode(data: bytes, factor: int = 1) -> np.ndarray:
    picture = decode_upright(open_photo(data, MANY, MAX_DECODING_BYTES), factor)
    return np.asarray(picture).astype(int)
