import numpy as np
import pytest
from PIL import Image

from db.photos.sample_range import SampleRange, find_declared_white, find_range, scale_to_grey
from tests.fuzz.files import encode_by_opencv, make_chunk
from tests.support.factories.photos import encode_picture
from tests.support.scenes import decode


def add_chunk(png: bytes, kind: bytes, content: bytes) -> bytes:
    """A PNG with a chunk more behind its header."""
    return png[:33] + make_chunk(kind, content) + png[33:]


def test_a_png_that_names_its_significant_bits_is_scaled_by_them() -> None:
    dark = np.full((45, 61), 1000, np.uint16)  # by its content alone it would have ten bits
    data = encode_by_opencv(".png", dark)
    assert decode(data)[0, 0, 0] == pytest.approx(1000 / 1023 * 255, abs=1)
    assert decode(add_chunk(data, b"sBIT", b"\x0c"))[0, 0, 0] == pytest.approx(1000 / 4095 * 255, abs=1)
    assert decode(add_chunk(data, b"sBIT", b"\x10"))[0, 0, 0] == pytest.approx(1000 / 65535 * 255, abs=1)
    # a writer that follows the standard scales its samples to sixteen bits all the same
    scaled = encode_by_opencv(".png", np.full((45, 61), 32768, np.uint16))
    assert decode(add_chunk(scaled, b"sBIT", b"\x0c"))[0, 0, 0] == 128


@pytest.mark.parametrize(("tag", "white"), [(281, 4095), (341, 2000), (281, 65535)])
def test_a_tiff_is_scaled_by_the_largest_sample_that_it_declares(tag: int, white: int) -> None:
    image = Image.fromarray(np.full((45, 61), 1000, np.uint16))
    data = encode_picture(image, "TIFF", tiffinfo={tag: white})
    assert decode(data)[0, 0, 0] == pytest.approx(1000 / white * 255, abs=1)


def test_the_least_sample_is_black_and_the_greatest_white() -> None:
    samples = SampleRange(10, 60)
    assert [int(value * samples.scale + samples.offset) for value in (10, 35, 60)] == [0, 128, 255]
    turned = SampleRange(10, 60, is_inverted=True)
    assert [int(value * turned.scale + turned.offset) for value in (10, 60)] == [255, 0]
    assert SampleRange(5, 5).scale > 0


def test_what_is_no_number_becomes_nothing_and_the_rest_keeps_its_range() -> None:
    image = Image.fromarray(np.array([[1.0, 3.0], [np.nan, np.inf]], np.float32))
    found = find_range(image, b"")
    assert (found.low, found.high) == (0, 3)
    assert np.asarray(scale_to_grey(image, found)).tolist() == [[85, 255], [0, 0]]


@pytest.mark.parametrize(
    ("largest", "white"), [(0, 255), (255, 255), (256, 1023), (4095, 4095), (4096, 16383), (65535, 65535)]
)
def test_without_a_word_the_content_says_how_many_bits_there_are(largest: int, white: int) -> None:
    assert find_declared_white(Image.new("I;16", (1, 1)), b"", largest) == white
