"""Every decision has the same structure, and the index lists each with its title, date and status."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

DECISIONS = Path(__file__).parents[2] / "docs" / "decisions"
PATHS = sorted(DECISIONS.glob("[0-9]*.md"))
INDEX = (DECISIONS / "README.md").read_text()
HEADINGS = (["Context", "Decision", "Consequences"], ["Context", "Decision", "Measurements", "Consequences"])
each_decision = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name[:4])


class Head(NamedTuple):
    """What a decision says of itself above its first heading."""

    number: str
    title: str
    date: str
    status: str


def read_head(text: str) -> Head:
    """Raises ValueError if the text doesn't begin as a decision does."""
    found = re.match(
        r"# (\d{4}): (.+)\n\n"
        r"Date: (\d{4}-\d\d-\d\d)\. Status: (accepted|superseded by \[\d{4}\]\(\d{4}-[a-z0-9-]+\.md\))\.\n\n"
        r"## Context\n\n",
        text,
    )
    if not found:
        raise ValueError("expected `# NNNN: Title`, `Date: YYYY-MM-DD. Status: accepted.`, `## Context`")
    return Head(*found.groups())


def split_sections(text: str) -> dict[str, str]:
    """The text under each heading of the second level."""
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


@each_decision
def test_a_decision_begins_with_number_title_date_and_status(path: Path) -> None:
    head = read_head(path.read_text())
    assert head.number == path.name[:4]
    assert not head.title.endswith(".")


@each_decision
def test_a_decision_has_its_sections_in_order_and_none_is_empty(path: Path) -> None:
    sections = split_sections(path.read_text())
    assert list(sections) in HEADINGS
    assert all(section.strip() for section in sections.values())


@each_decision
def test_measurements_say_how_they_were_made(path: Path) -> None:
    measurements = split_sections(path.read_text()).get("Measurements", "`make`")
    assert re.search(r"`(python -m|make|emoscope)\b|\bby\s+hand\b", measurements)


@each_decision
def test_links_between_decisions_lead_somewhere(path: Path) -> None:
    for number, name in re.findall(r"\[(\d{4})\]\(([^)]+)\)", path.read_text()):
        assert name.startswith(number)
        assert (DECISIONS / name).exists(), name


@each_decision
def test_the_index_has_its_title_date_and_status(path: Path) -> None:
    head = read_head(path.read_text())
    assert f"| {head.number} | [{head.title}]({path.name}) | {head.date} | {head.status} |" in INDEX.splitlines()


def test_the_index_lists_every_decision_once_in_order() -> None:
    assert re.findall(r"^\| \d{4} \| \[.+\]\((.+\.md)\) \|", INDEX, re.MULTILINE) == [path.name for path in PATHS]


def test_no_two_decisions_have_the_same_number() -> None:
    numbers = [path.name[:4] for path in PATHS]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize(
    "text",
    [
        "# 0001 No colon\n\nDate: 2026-11-24. Status: accepted.\n\n## Context\n\n",
        "# 0001: No date\n\nStatus: accepted.\n\n## Context\n\n",
        "# 0001: Another status\n\nDate: 2026-11-24. Status: perhaps.\n\n## Context\n\n",
        "# 0001: No context\n\nDate: 2026-11-24. Status: accepted.\n\n## Decision\n\n",
    ],
)
def test_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        read_head(text)
