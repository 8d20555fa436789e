"""Tests are checked by mypy as strictly as the code. Files that aren't yet say so in their first line, and become fewer."""

from pathlib import Path

TESTS = Path(__file__).parents[1]
MARK = "# mypy: ignore-errors"
MOST_UNTYPED = 0
"""Files that mypy would find errors in. Lower it with each that is mended; a new file has none."""


def test_files_that_mypy_leaves_out_become_no_more() -> None:
    untyped = [path for path in TESTS.rglob("*.py") if path.read_text().startswith(MARK)]
    assert len(untyped) == MOST_UNTYPED, "mend what is new, or lower MOST_UNTYPED"


def test_nothing_is_left_out_unless_its_first_line_says_so() -> None:
    hidden = [path for path in TESTS.rglob("*.py") if "\n# mypy:" in path.read_text()]
    assert not hidden


def test_a_program_keeps_its_interpreter_in_its_first_line() -> None:
    lost = [path for path in TESTS.rglob("*.py") if "\n#!/" in path.read_text()[:400]]
    assert not lost, "the first line of a program is what it is started by"
