"""Pixels of a photo: which samples are white, which way is up, what is missing."""

import struct

import cv2
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from db.photos.errors import BrokenPicture, TooManyPixels, TooMuchMemory
from db.photos.header import open_photo
from db.photos.memory import MAX_DECODING_BYTES
from db.photos.pixels import decode_upright
from tests.fuzz.files import encode_by_opencv, make_chunk, make_scene, save

MANY = 10**8
SCENE = make_scene(3, (61, 45))


def decode(data: bytes, factor: int = 1) -> np.ndarray:
    picture = decode_upright(open_photo(data, MANY, MAX_DECODING_BYTES), factor)
    return np.asarray(picture).astype(int)


def add_chunk(png: bytes, kind: bytes, content: bytes) -> bytes:
    """A PNG with a chunk more behind its header."""
    return png[:33] + make_chunk(kind, content) + png[33:]


@pytest.mark.parametrize("extension", [".png", ".tiff"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("is_grey", [True, False])
def test_fewer_bits_in_a_sixteen_bit_file_are_as_bright_as_all_sixteen(extension, bits, is_grey):
    colours = np.asarray(SCENE.convert("L") if is_grey else SCENE)
    full = np.where(colours >= 250, 255, colours)  # something is white, or nobody could tell how many bits there are
    white = (1 << bits) - 1
    values = np.round(full.astype(float) * white / 255).astype(np.uint16)
    stored = values if is_grey else values[..., ::-1]
    expected = np.stack([full] * 3, axis=-1) if is_grey else full
    assert np.abs(decode(encode_by_opencv(extension, stored)) - expected).max() <= 2


def test_a_png_that_names_its_significant_bits_is_scaled_by_them():
    dark = np.full((45, 61), 1000, np.uint16)  # by its content alone it would have ten bits
    data = encode_by_opencv(".png", dark)
    assert decode(data)[0, 0, 0] == pytest.approx(1000 / 1023 * 255, abs=1)
    assert decode(add_chunk(data, b"sBIT", b"\x0c"))[0, 0, 0] == pytest.approx(1000 / 4095 * 255, abs=1)
    assert decode(add_chunk(data, b"sBIT", b"\x10"))[0, 0, 0] == pytest.approx(1000 / 65535 * 255, abs=1)
    # a writer that follows the standard scales its samples to sixteen bits all the same
    scaled = encode_by_opencv(".png", np.full((45, 61), 32768, np.uint16))
    assert decode(add_chunk(scaled, b"sBIT", b"\x0c"))[0, 0, 0] == 128


@pytest.mark.parametrize(("tag", "white"), [(281, 4095), (341, 2000), (281, 65535)])
def test_a_tiff_is_scaled_by_the_largest_sample_that_it_declares(tag, white):
    image = Image.fromarray(np.full((45, 61), 1000, np.uint16))
    data = save(image, "TIFF", tiffinfo={tag: white})
    assert decode(data)[0, 0, 0] == pytest.approx(1000 / white * 255, abs=1)


def test_a_large_sixteen_bit_picture_is_scaled_and_reduced_alike():
    values = np.asarray(SCENE.resize((240, 180)))[..., ::-1].astype(np.uint16) * 16
    data = encode_by_opencv(".png", values)
    whole = decode(data)
    halved = whole.reshape(90, 2, 120, 2, 3).mean(axis=(1, 3))
    assert np.abs(decode(data, 2) - halved).max() <= 2


def test_xmp_turns_nothing_and_exif_does():
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    xmp += b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
    exif = Image.Exif()
    exif[0x0112] = 6
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", xmp.decode())
    for data in (
        save(SCENE, "JPEG", xmp=xmp),
        save(SCENE, "WEBP", xmp=xmp),
        save(SCENE, "TIFF", tiffinfo={700: xmp}),
        save(SCENE, "PNG", pnginfo=text),
    ):
        photo = open_photo(data, MANY, MAX_DECODING_BYTES)
        assert (photo.header.width, photo.header.height) == SCENE.size
        assert decode_upright(photo, 1).size == SCENE.size
    both = save(SCENE, "JPEG", xmp=xmp.replace(b'"6"', b'"1"'), exif=exif)
    assert decode(both).shape == (61, 45, 3)


def test_a_damaged_part_that_no_pixel_needs_is_left_out():
    png = save(SCENE, "PNG")
    expected = decode(png)
    bad_text = struct.pack(">I", 9) + b"tEXt" + b"a\0b\0c\0d\0e" + b"\0\0\0\0"
    unpackable = make_chunk(b"zTXt", b"key\0\0nothing compressed")
    for damaged in (png[:33] + bad_text + png[33:], png[:33] + unpackable + png[33:], png[:-12], png[:-4] + b"oops"):
        assert np.array_equal(decode(damaged), expected)
    at = png.rindex(b"IEND") - 8  # the checksum of the last pixels' chunk, and before it that of their stream
    assert np.array_equal(decode(png[: at - 4] + b"\0\0\0\0" + png[at:]), expected)
    jpeg = save(SCENE, "JPEG", quality=95)
    expected = decode(jpeg)
    assert np.array_equal(decode(jpeg[:-2]), expected)
    assert np.array_equal(decode(jpeg[:2] + b"\xff\xed\x00\x09Photosh" + jpeg[2:]), expected)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.97])
@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "progressive"])
def test_missing_rows_are_told_from_a_missing_end(share, image_format):
    larger = SCENE.resize((200, 150))
    is_progressive = image_format == "progressive"
    whole = save(larger, "JPEG", progressive=True) if is_progressive else save(larger, image_format)
    with pytest.raises(BrokenPicture, match="rows of pixels are missing"):
        decode(whole[: int(len(whole) * share)])


@pytest.mark.parametrize(
    "data",
    [
        b"GIF89a" + struct.pack("<HH", 20_000, 20_000) + b"\0\0\0 nothing more",
        b"RIFF\x20\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + (16_000).to_bytes(3, "little") * 2 + b"broken",
        b"BM" + bytes(12) + struct.pack("<IiiHH", 40, 30_000, -30_000, 1, 99) + bytes(20),
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR" + struct.pack(">II", 40_000, 40_000) + b"broken",
        b"\xff\xd8\xff\xc0\0\x11\x08" + struct.pack(">HH", 60_000, 60_000) + b"\3\1\x11\0\2\x11\1\3\x11\1 broken",
        b"II*\0\x08\0\0\0\2\0" + struct.pack("<HHII", 256, 4, 1, 90_000) + struct.pack("<HHII", 257, 4, 1, 90_000),
        b"\0\0\0\x1cftypavif\0\0\0\0 ispe\0\0\0\0" + struct.pack(">II", 50_000, 50_000) + b"broken",
    ],
    ids=["gif", "webp", "bmp", "png", "jpeg", "tiff", "avif"],
)
def test_a_header_that_claims_too_much_is_told_so_however_broken_the_rest_is(data):
    with pytest.raises(TooManyPixels):
        open_photo(data, MANY, MAX_DECODING_BYTES)


def test_a_picture_that_would_take_too_much_memory_has_a_code_of_its_own():
    data = save(SCENE, "WEBP")
    needed = 16 * SCENE.width * SCENE.height
    with pytest.raises(TooMuchMemory, match="of memory; at most") as caught:
        open_photo(data, MANY, needed - 1)
    assert caught.value.code == "too_much_memory"
    assert open_photo(data, MANY, needed).peak_bytes == needed


def test_a_reduced_picture_is_the_mean_of_its_pixels():
    values = np.asarray(SCENE.resize((240, 180)))
    data = cv2.imencode(".bmp", values[..., ::-1])[1].tobytes()
    assert np.abs(decode(data, 4) - values.reshape(45, 4, 60, 4, 3).mean(axis=(1, 3))).max() <= 1
