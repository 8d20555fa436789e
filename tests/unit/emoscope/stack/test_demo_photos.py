import io

import pytest
from PIL import Image

from emoscope.stack.demo_photos import (
    PAGE_SIZE,
    DemoPhotoMissing,
    Placement,
    compose_page,
    load_demo_photos,
    locate_package_file,
    turn_point,
)


def test_demo_shows_a_portrait_and_a_page_of_several_faces() -> None:
    portrait, page = load_demo_photos()
    assert (portrait.name, len(portrait.faces)) == ("astronaut.jpg", 1)
    assert (page.name, len(page.faces)) == ("page.jpg", 7)
    with Image.open(io.BytesIO(page.data)) as image:
        assert (image.format, image.size) == ("JPEG", PAGE_SIZE)


def test_faces_lie_within_their_page() -> None:
    for left, top, width, height in compose_page().faces:
        assert 0 <= left < left + width <= PAGE_SIZE[0]
        assert 0 <= top < top + height <= PAGE_SIZE[1]


def test_placed_face_lies_where_it_was_asked_for() -> None:
    photo = compose_page((Placement("astronaut", (300, 200), 80, turn=90, is_mirrored=True),), (600, 400))
    assert photo.faces == ((260, 160, 80, 80),)


def test_points_turn_anticlockwise_as_one_sees_it() -> None:
    assert turn_point((1, 0), 90) == pytest.approx((0, -1))


def test_page_is_the_same_every_time() -> None:
    assert compose_page() == compose_page()


@pytest.mark.parametrize(("package", "path"), [("no_such_package", "a.png"), ("skimage", "data/no_such_photo.png")])
def test_missing_package_or_photo_is_named(package: str, path: str) -> None:
    with pytest.raises(DemoPhotoMissing, match=path):
        locate_package_file(package, path)
