"""Small pictures of every format."""

import pytest

from tests.fuzz.files import PhotoFile, generate_files


@pytest.fixture(scope="session")
def photo_files() -> list[PhotoFile]:
    """One file of each kind of each format."""
    return generate_files()
