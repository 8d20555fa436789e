"""Every page is in the navigation, and the page of commands is up to date."""

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
WRITE_COMMANDS = ("-m", "typer", "emoscope.cli.app", "utils", "docs", "--name", "emoscope", "--title", "Commands")


def list_pages(entry: object) -> Iterator[str]:
    if isinstance(entry, str):
        yield entry
    elif isinstance(entry, dict):
        for found in entry.values():
            yield from list_pages(found)
    elif isinstance(entry, list):
        for found in entry:
            yield from list_pages(found)


def test_every_page_is_in_the_navigation_once_or_is_a_decision() -> None:
    listed = list(list_pages(tomllib.loads((ROOT / "zensical.toml").read_text())["project"]["nav"]))
    assert len(listed) == len(set(listed))
    pages = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
    assert pages - set(listed) == {page for page in pages if page.startswith("decisions/0")}
    assert set(listed) <= pages


def test_the_page_of_commands_says_what_the_commands_say() -> None:
    written = subprocess.run([sys.executable, *WRITE_COMMANDS], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (ROOT / "docs/commands.md").read_text() == written.stdout, (
        f"run: python {' '.join(WRITE_COMMANDS)} > docs/commands.md"
    )
