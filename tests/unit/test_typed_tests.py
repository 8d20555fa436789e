"""Tests are checked by mypy as strictly as the code: no file leaves itself out."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
SETTING = re.compile(r"^# *mypy:", re.MULTILINE)
"""A comment by which a file changes how it is checked."""


def test_no_file_of_tests_is_checked_less_strictly() -> None:
    assert [path for path in TESTS.rglob("*.py") if SETTING.search(path.read_text())] == []


def test_a_program_keeps_its_interpreter_in_its_first_line() -> None:
    lost = [path for path in TESTS.rglob("*.py") if "\n#!/" in path.read_text()[:400]]
    assert not lost, "the first line of a program is what it is started by"
