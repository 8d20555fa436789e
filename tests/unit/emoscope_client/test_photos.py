from pathlib import Path

from emoscope_client.photos import read_photos
from tests.support.scripted_steps import carry_out


def test_a_photo_has_the_name_of_its_file_or_its_rank(tmp_path: Path) -> None:
    path = tmp_path / "team.jpg"
    path.write_bytes(b"of the file")
    with path.open("rb") as opened:
        carried = carry_out(read_photos([b"bytes", path, opened]), b"of the path")
    assert carried.result == [
        ("image", ("photo-0", b"bytes")),
        ("image", ("team.jpg", b"of the path")),
        ("image", ("team.jpg", b"of the file")),
    ]


def test_what_cannot_be_read_is_raised() -> None:
    assert isinstance(carry_out(read_photos(["none.jpg"]), PermissionError("no")).error, PermissionError)
