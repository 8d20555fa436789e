"""Commands in the README and other pages exist."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer.main

from emoscope.cli.app import app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def list_commands(program: str) -> set[tuple[str, str]]:
    """Each line of a shell block, in any page, that runs `program`, with the page it is in."""
    found = set()
    for page in PAGES:
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL):
            for line in re.sub(r"\\\n|--owner \w+|-n \w+", " ", block).splitlines():
                for match in re.finditer(rf"(?:^|[(\s/]){program} ([^#|)]*)", line):
                    found.add((page.name, match[1].strip()))
    return found


@pytest.mark.parametrize(("page", "arguments"), sorted(list_commands("make")))
def test_every_make_target_that_a_page_names_exists(page: str, arguments: str) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert arguments.split(maxsplit=1)[0] in targets, page


@pytest.mark.parametrize(("page", "arguments"), sorted(list_commands("emoscope")))
def test_every_emoscope_command_and_option_that_a_page_names_exists(page: str, arguments: str) -> None:
    command: Any = typer.main.get_command(app)
    words = arguments.split()
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    assert not hasattr(command, "commands"), f"{page}: emoscope {arguments}"
    options = {option for parameter in command.params for option in parameter.opts}
    for word in words:
        if word.startswith("--"):
            assert word.split("=")[0] in options, f"{page}: emoscope {arguments}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_every_command_is_explained_somewhere() -> None:
    told = " ".join(page.read_text() for page in PAGES)
    group: Any = typer.main.get_command(app)
    for name in group.commands:
        assert f"emoscope {name}" in told, name
