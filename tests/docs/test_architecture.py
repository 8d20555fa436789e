"""The architecture pages name only existing files, and mention every subject."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "architecture").glob("*.md"))
PATH = re.compile(r"`((?:api|bench|client|db|deploy|emoscope|tests|training|worker|docs)/[A-Za-z0-9_./-]+)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    named = {found for found in PATH.findall(page.read_text()) if not re.search(r"SUBJECT|NAME", found)}
    missing = {found for found in named if not (ROOT / found).exists()}
    assert not missing


def test_the_pages_are_listed_in_reading_order() -> None:
    listed = re.findall(r"\]\(([\w-]+\.md)\)", (ROOT / "docs" / "architecture" / "README.md").read_text())
    assert listed == [page.name for page in PAGES if page.name != "README.md"]
