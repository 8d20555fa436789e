import io

import pytest
from PIL import ExifTags, Image, PngImagePlugin

from db.photos.header import open_photo
from db.photos.memory import MAX_DECODING_BYTES
from db.photos.orientation import SIDEWAYS, TURNS, UPRIGHT, read_orientation
from db.photos.pixels import decode_upright
from tests.support.factories.photos import encode_picture
from tests.support.scenes import MANY, SCENE, decode


def test_xmp_turns_nothing_and_exif_does() -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    xmp += b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
    exif = Image.Exif()
    exif[0x0112] = 6
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", xmp.decode())
    for data in (
        encode_picture(SCENE, "JPEG", xmp=xmp),
        encode_picture(SCENE, "WEBP", xmp=xmp),
        encode_picture(SCENE, "TIFF", tiffinfo={700: xmp}),
        encode_picture(SCENE, "PNG", pnginfo=text),
    ):
        photo = open_photo(data, MANY, MAX_DECODING_BYTES)
        assert (photo.header.width, photo.header.height) == SCENE.size
        assert decode_upright(photo, 1).size == SCENE.size
    both = encode_picture(SCENE, "JPEG", xmp=xmp.replace(b'"6"', b'"1"'), exif=exif)
    assert decode(both).shape == (61, 45, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_says_how_the_picture_is_to_be_turned(image_format: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    data = encode_picture(SCENE, image_format, exif=exif)
    assert read_orientation(Image.open(io.BytesIO(data)), data) == orientation


@pytest.mark.parametrize("block", [b"", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0" + bytes(40)])
def test_a_block_that_cannot_be_read_turns_nothing(block: bytes) -> None:
    image = Image.new("RGB", (4, 3))
    image.info["exif"] = block
    assert read_orientation(image, b"") == UPRIGHT


@pytest.mark.parametrize("value", [0, 9, 400])
def test_a_number_that_means_nothing_turns_nothing(value: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = value
    data = encode_picture(SCENE, "JPEG", exif=exif)
    assert read_orientation(Image.open(io.BytesIO(data)), data) == UPRIGHT


def test_what_its_own_reader_turns_is_turned_once() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    data = encode_picture(SCENE, "HEIF", exif=exif.tobytes())
    assert read_orientation(Image.open(io.BytesIO(data)), data) == UPRIGHT


def test_each_number_but_upright_has_a_turn_and_four_lie_on_their_side() -> None:
    assert set(TURNS) == set(range(2, 9))
    mark = Image.new("L", (4, 3))
    assert {number for number, turn in TURNS.items() if mark.transpose(turn).size == (3, 4)} == SIDEWAYS
