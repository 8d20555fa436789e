"""The API's header check and the workers' decoder agree on every file, valid or damaged."""

import pytest
from PIL import Image

from db.photos.errors import BrokenPicture, PhotoError
from db.photos.header import PictureHeader, open_photo, read_header
from db.photos.memory import MAX_DECODING_BYTES, choose_factor
from db.photos.pixels import decode_upright
from tests.fuzz.files import PhotoFile
from tests.fuzz.mutate import make_mutant
from worker.analysis.decode import PhotoDecoder

MAX_PIXELS = 50_000
MUTANTS = 1000
SEED = 7


def check_header(data: bytes) -> PictureHeader | str:
    """What the API says at submission: the header, or the code of its refusal."""
    try:
        return read_header(data, MAX_PIXELS, MAX_DECODING_BYTES)
    except PhotoError as error:
        return error.code


def decode(data: bytes) -> tuple[int, int] | str:
    """What a worker says: width and height of the upright picture, or the code of its refusal."""
    try:
        decoder = PhotoDecoder(data, max_pixels=MAX_PIXELS)
        picture = decoder.decode(1).picture
    except PhotoError as error:
        return error.code
    assert picture.dtype == "uint8"
    assert picture.shape[2:] == (3,)
    assert (decoder.width, decoder.height) == picture.shape[1::-1]
    return picture.shape[1], picture.shape[0]


def draw(data: bytes) -> tuple[int, int] | str:
    """What the API sees when it draws into the photo."""
    try:
        photo = open_photo(data, MAX_PIXELS, MAX_DECODING_BYTES)
        picture: Image.Image = decode_upright(photo, choose_factor(*photo.image.size))
    except PhotoError as error:
        return error.code
    return picture.size


def assert_agreement(data: bytes, name: str) -> str:
    header, decoded, drawn = check_header(data), decode(data), draw(data)
    if drawn != BrokenPicture.code:  # OpenCV still finds the rows of some JPEGs that Pillow gives up
        assert decoded == drawn, name
    if isinstance(header, str):
        assert decoded == header, name
        return header
    if decoded == BrokenPicture.code:
        return BrokenPicture.code
    assert decoded == (header.width, header.height), name
    return "accepted"


def test_header_check_decoder_and_drawing_agree_on_every_kind_of_file(photo_files: list[PhotoFile]) -> None:
    for file in photo_files:
        assert assert_agreement(file.data, file.name) == "accepted", file.name


@pytest.mark.parametrize("part", range(2))
def test_header_check_decoder_and_drawing_agree_on_damaged_files(photo_files: list[PhotoFile], part: int) -> None:
    seen: dict[str, int] = {}
    for number in range(part * MUTANTS // 2, (part + 1) * MUTANTS // 2):
        mutant = make_mutant(photo_files, SEED, number)
        said = assert_agreement(mutant.data, f"{mutant.name} {number}")
        seen[said] = seen.get(said, 0) + 1
    # All of them come, or the mutants would prove little.
    assert seen.keys() >= {"accepted", "broken_picture", "not_a_picture", "too_many_pixels"}
