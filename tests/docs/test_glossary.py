"""The glossary is in alphabetical order."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "glossary.md"


def test_words_are_in_alphabetical_order_and_explained_once() -> None:
    words = re.findall(r"^\| ([^|]+?) \| [^|]+ \|$", PAGE.read_text(), re.MULTILINE)[2:]
    assert len(words) > 30
    assert words == sorted(words, key=str.lower)
    assert len(set(words)) == len(words)
