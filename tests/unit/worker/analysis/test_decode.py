import random
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image, ImageFile

from db.photos.errors import BrokenPicture, NotAPicture, PhotoError, TooManyPixels
from tests.support.factories.photos import encode_picture
from worker.analysis.decode import decode_photo, decode_reduced
from worker.analysis.resize import Picture

MAX_PIXELS = 20_000_000

LOSSLESS = {"PNG": {}, "BMP": {}, "TIFF": {}, "WEBP": {"lossless": True}}
LOSSY = {"JPEG": {"quality": 95}, "HEIF": {"quality": 95}, "AVIF": {"quality": 95}}

TURNS_TO_STORE = {
    1: [],
    2: [Image.Transpose.FLIP_LEFT_RIGHT],
    3: [Image.Transpose.ROTATE_180],
    4: [Image.Transpose.FLIP_TOP_BOTTOM],
    5: [Image.Transpose.TRANSPOSE],
    6: [Image.Transpose.ROTATE_90],
    7: [Image.Transpose.TRANSVERSE],
    8: [Image.Transpose.ROTATE_270],
}
"""How an upright picture is stored so that this EXIF orientation makes it upright again."""


@pytest.fixture(scope="module")
def upright(astronaut: Picture) -> Image.Image:
    """Not square, and different in every corner."""
    return Image.fromarray(astronaut[40:220, 60:320])


def mean_difference(picture: Picture, image: Image.Image) -> float:
    return float(np.abs(picture.astype(int) - np.asarray(image.convert("RGB")).astype(int)).mean())


@pytest.mark.parametrize("file_format", LOSSLESS)
def test_lossless_formats_decode_to_the_very_pixels(upright: Image.Image, file_format: str) -> None:
    picture = decode_photo(encode_picture(upright, file_format, **LOSSLESS[file_format]), max_pixels=MAX_PIXELS)
    assert picture.dtype == np.uint8
    assert np.array_equal(picture, np.asarray(upright))


@pytest.mark.parametrize("file_format", LOSSY)
def test_lossy_formats_decode_to_nearly_the_same_pixels(upright: Image.Image, file_format: str) -> None:
    picture = decode_photo(encode_picture(upright, file_format, **LOSSY[file_format]), max_pixels=MAX_PIXELS)
    assert picture.shape == (180, 260, 3)
    assert mean_difference(picture, upright) < 3


@pytest.mark.parametrize("orientation", TURNS_TO_STORE)
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_exif_orientation_turns_every_format_upright(upright: Image.Image, file_format: str, orientation: int) -> None:
    stored = upright
    for turn in TURNS_TO_STORE[orientation]:
        stored = stored.transpose(turn)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    picture = decode_photo(encode_picture(stored, file_format, exif=exif, quality=95), max_pixels=MAX_PIXELS)
    assert picture.shape == (180, 260, 3)
    assert mean_difference(picture, upright) < 3


@pytest.mark.parametrize("exif", [b"Exif\0\0garbage!", b"Exif\0\0II*\0"])
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_exif_that_cannot_be_read_turns_nothing(upright: Image.Image, file_format: str, exif: bytes) -> None:
    data = encode_picture(upright, file_format, exif=exif, quality=95)
    picture = decode_photo(data, max_pixels=MAX_PIXELS)
    assert mean_difference(picture, upright) < 3


def test_heic_is_turned_once_and_not_twice(upright: Image.Image) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    # The encoder stores the turn as HEIC's own property, and in the EXIF as well, as cameras do.
    data = encode_picture(upright.transpose(Image.Transpose.ROTATE_90), "HEIF", exif=exif.tobytes(), quality=95)
    assert b"irot" in data
    assert mean_difference(decode_photo(data, max_pixels=MAX_PIXELS), upright) < 3


def test_orientation_without_meaning_is_ignored(upright: Image.Image) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 77
    assert decode_photo(encode_picture(upright, "JPEG", exif=exif), max_pixels=MAX_PIXELS).shape == (180, 260, 3)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "YCbCr", "LAB", "I", "F"])
def test_every_kind_of_pixels_becomes_rgb(upright: Image.Image, mode: str) -> None:
    grey = mode in ("1", "L", "LA", "I", "F")
    image = (upright.convert("L") if mode in ("I", "F") else upright).convert(mode)
    picture = decode_photo(encode_picture(image, "TIFF"), max_pixels=MAX_PIXELS)
    assert picture.shape == (180, 260, 3)
    expected = upright.convert("1" if mode == "1" else "L") if grey else upright
    assert mean_difference(picture, expected) < 25


def test_cmyk_jpeg_keeps_its_colours(upright: Image.Image) -> None:
    picture = decode_photo(encode_picture(upright.convert("CMYK"), "JPEG", quality=95), max_pixels=MAX_PIXELS)
    assert mean_difference(picture, upright) < 4


def test_grey_jpeg_becomes_rgb(upright: Image.Image) -> None:
    picture = decode_photo(encode_picture(upright.convert("L"), "JPEG", quality=95), max_pixels=MAX_PIXELS)
    assert mean_difference(picture, upright.convert("L")) < 3


@pytest.mark.parametrize(("extension", "channels"), [(".png", 1), (".png", 3), (".tiff", 1), (".tiff", 3)])
def test_sixteen_bits_become_eight(extension: str, channels: int) -> None:
    values = np.linspace(0, 65535, 64 * 48 * channels).reshape(48, 64, channels).astype(np.uint16)
    data = cv2.imencode(extension, values)[1].tobytes()
    expected = (values[..., ::-1] >> 8).astype(int) if channels == 3 else (values >> 8).astype(int)
    assert np.abs(decode_photo(data, max_pixels=MAX_PIXELS).astype(int) - expected).max() <= 1


def test_transparent_parts_lie_on_white(upright: Image.Image) -> None:
    layer = upright.convert("RGBA")
    layer.putalpha(Image.new("L", upright.size, 0))
    for file_format in ("PNG", "WEBP", "TIFF"):
        assert decode_photo(encode_picture(layer, file_format), max_pixels=MAX_PIXELS).min() == 255


def test_transparent_palette_lies_on_white() -> None:
    image = Image.new("P", (8, 8), 3)
    image.putpalette([0, 0, 0] * 256)
    assert decode_photo(encode_picture(image, "PNG", transparency=3), max_pixels=MAX_PIXELS).min() == 255


def test_first_frame_of_an_animation_is_taken() -> None:
    frames = [Image.new("RGB", (16, 16), color) for color in ("red", "blue")]
    for file_format in ("GIF", "WEBP"):
        data = encode_picture(frames[0], file_format, save_all=True, append_images=frames[1:], lossless=True)
        assert decode_photo(data, max_pixels=MAX_PIXELS)[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_file_that_ends_too_early_is_broken(upright: Image.Image, file_format: str, share: float) -> None:
    data = encode_picture(upright, file_format)
    with pytest.raises(BrokenPicture):
        decode_photo(data[: int(len(data) * share)], max_pixels=MAX_PIXELS)


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"%PDF-1.7 ...", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"<svg></svg>", bytes(1000)]
)
def test_other_files_are_not_pictures(data: bytes) -> None:
    with pytest.raises(NotAPicture) as caught:
        decode_photo(data, max_pixels=MAX_PIXELS)
    assert caught.value.code == "not_a_picture"


def make_png_header(width: int, height: int) -> bytes:
    """A PNG file that says it has these pixels, and has none."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = b"IDAT" + zlib.compress(b"")
    chunks = [
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in (header, body)
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize("side", [5_000, 11_000, 60_000])
def test_too_many_pixels_are_refused_by_the_header_alone(side: int) -> None:
    with pytest.raises(TooManyPixels) as caught:
        decode_photo(make_png_header(side, side), max_pixels=MAX_PIXELS)
    assert caught.value.code == "too_many_pixels"


def test_pixel_cap_is_inclusive(upright: Image.Image) -> None:
    data = encode_picture(upright, "PNG")
    assert decode_photo(data, max_pixels=180 * 260).shape == (180, 260, 3)
    with pytest.raises(TooManyPixels):
        decode_photo(data, max_pixels=180 * 260 - 1)


@pytest.mark.parametrize(("size", "factor"), [((1280, 900), 1), ((2600, 1301), 2), ((6001, 4001), 4)])
def test_large_jpeg_is_decoded_at_a_fraction(astronaut: Picture, size: tuple[int, int], factor: int) -> None:
    image = Image.fromarray(astronaut).resize(size)
    reduced = decode_reduced(encode_picture(image, "JPEG", quality=95), max_pixels=30_000_000)
    assert (reduced.factor, reduced.width, reduced.height) == (factor, *size)
    assert reduced.picture.shape == (-(-size[1] // factor), -(-size[0] // factor), 3)
    height, width = reduced.picture.shape[:2]
    assert mean_difference(reduced.picture, image.resize((width, height), Image.Resampling.BOX)) < 3


def test_reduced_jpeg_is_turned_upright_and_says_its_full_size(upright: Image.Image) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    stored = upright.resize((2601, 1801)).transpose(Image.Transpose.ROTATE_90)
    reduced = decode_reduced(encode_picture(stored, "JPEG", exif=exif), max_pixels=MAX_PIXELS)
    assert (reduced.factor, reduced.width, reduced.height) == (2, 2601, 1801)
    assert reduced.picture.shape == (901, 1301, 3)


def test_other_formats_are_never_reduced(upright: Image.Image) -> None:
    reduced = decode_reduced(encode_picture(upright.resize((2600, 1800)), "PNG"), max_pixels=MAX_PIXELS)
    assert (reduced.factor, reduced.width, reduced.height) == (1, 2600, 1800)


def test_truncated_file_stays_broken_after_face_recognition_is_imported(upright: Image.Image) -> None:
    from worker.analysis.detectors.face_recognition_package import import_face_recognition

    import_face_recognition()
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
    data = encode_picture(upright, "PNG")
    with pytest.raises(BrokenPicture):
        decode_photo(data[: len(data) // 2], max_pixels=MAX_PIXELS)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF"])
def test_damaged_files_raise_nothing_but_photo_errors(upright: Image.Image, file_format: str) -> None:
    intact = encode_picture(upright.resize((40, 30)), file_format)
    dice = random.Random(file_format)
    for _ in range(120):
        damaged = bytearray(intact)
        for _ in range(dice.randint(1, 6)):
            # Half of the damage goes to the header, where it does most.
            damaged[dice.randrange(dice.choice([min(120, len(intact)), len(intact)]))] = dice.randrange(256)
        try:
            picture = decode_photo(bytes(damaged), max_pixels=1_000_000)
        except PhotoError:
            continue
        assert picture.dtype == np.uint8
        assert picture.ndim == 3
        assert picture.shape[2] == 3
