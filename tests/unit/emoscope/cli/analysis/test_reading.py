import io
from pathlib import Path

from emoscope.cli.analysis.reading import PhotoError, read_source


def test_a_file_is_read_with_its_name_and_a_url_is_left_to_the_service(tmp_path: Path) -> None:
    photo = tmp_path / "team.jpg"
    photo.write_bytes(b"bytes")
    source = read_source(str(photo))
    assert isinstance(source, io.BytesIO)
    assert (source.getvalue(), source.name) == (b"bytes", "team.jpg")
    assert read_source("https://example.com/team.jpg") == "https://example.com/team.jpg"


def test_a_file_that_is_missing_or_too_large_has_no_source(tmp_path: Path) -> None:
    photo = tmp_path / "team.jpg"
    assert read_source(str(photo)) == PhotoError("unreadable_file", "No such file or directory")
    photo.write_bytes(b"bytes")
    assert isinstance(read_source(str(photo), max_bytes=5), io.BytesIO)
    assert read_source(str(photo), max_bytes=4) == PhotoError("photo_too_large", "it has more than 4 bytes")
