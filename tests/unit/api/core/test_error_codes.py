"""Every error code is documented."""

import re
from pathlib import Path

from api.core.error_codes import ERROR_KINDS

API_PAGE = Path(__file__).parents[4] / "docs" / "api.md"
API_SOURCES = Path(__file__).parents[4] / "api"


def test_the_written_documentation_lists_every_error_and_no_other() -> None:
    table = API_PAGE.read_text().partition("## Errors")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(ERROR_KINDS)


def test_the_written_documentation_has_the_status_and_the_meaning_that_the_api_gives() -> None:
    table = API_PAGE.read_text().partition("## Errors")[2].partition("\n## ")[0]
    for kind in ERROR_KINDS.values():
        assert f"| `{kind.code}` | {int(kind.status)} | {kind.meaning} |" in table


def test_every_code_that_is_raised_is_a_known_one() -> None:
    raised = {
        code for source in API_SOURCES.rglob("*.py") for code in re.findall(r'Problem\(\s*"(\w+)"', source.read_text())
    }
    assert raised
    assert raised <= set(ERROR_KINDS)
