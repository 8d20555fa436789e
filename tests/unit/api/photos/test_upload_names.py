"""File names of uploaded photos."""

import pytest

from api.photos.uploads import clean_filename


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("team.jpg", "team.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\фото.jpg", "фото.jpg"),
        ("a\0b\r\nc.png", "abc.png"),
        ("x" * 300, "x" * 255),
        ("", None),
        (None, None),
        ("\0", None),
    ],
)
def test_a_filename_keeps_what_every_database_takes(given_name: str | None, kept: str | None) -> None:
    assert clean_filename(given_name) == kept
