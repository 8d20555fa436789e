"""The command line as a whole."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import cast

import click
import pytest
import typer
from typer.testing import CliRunner

from emoscope.cli import app as module
from emoscope.cli.app import app
from emoscope.settings.problems import InvalidSettings, Problem
from tests.support.commands import CommandLine
from tests.support.live_api import LiveApi


def test_each_file_of_commands_is_on_the_command_line() -> None:
    source = Path(module.__file__).read_text()
    for path in (Path(module.__file__).parent / "commands").glob("[a-z]*.py"):
        assert re.search(rf"app\.(command|add_typer)\S*\({path.stem}\.|\({path.stem}\.{path.stem}\)", source), path.stem


def test_help_is_instant_as_nothing_heavy_is_loaded() -> None:
    heavy = ("tensorflow", "sqlalchemy", "celery", "flask", "cv2")
    code = f"import sys, emoscope.cli.app; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
    assert CliRunner().invoke(app, ["--help"]).exit_code == 0


def test_the_version_is_the_packages_own() -> None:
    done = CliRunner().invoke(app, ["--version"])
    assert (done.exit_code, done.stdout) == (0, f"{version('emoscope')}\n")


def test_settings_that_cannot_be_used_end_it_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise InvalidSettings([Problem("EMOSCOPE_PORT", "is odd")])

    monkeypatch.setattr(module, "app", fail)
    with pytest.raises(SystemExit) as ended:
        module.main()
    assert (ended.value.code, capsys.readouterr().err) == (2, "Error: EMOSCOPE_PORT is odd\n")


def list_commands(group: click.Group, *before: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that name it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):  # Typer's groups are not always Click's
            yield from list_commands(cast("click.Group", command), *before, name)
        else:
            yield (*before, name), command


def is_listing(command: click.Command) -> bool:
    """Whether a command lists or shows something: its help begins so."""
    return (command.help or "").split()[0] in {"List", "Show", "Say"}


def has_json(command: click.Command) -> bool:
    return any("--json" in parameter.opts for parameter in command.params)


COMMANDS = dict(list_commands(cast("click.Group", typer.main.get_command(app))))
LISTS = [words for words, command in COMMANDS.items() if (command.help or "").startswith("List ")]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_each_command_that_lists_or_shows_has_json(words: tuple[str, ...]) -> None:
    command = COMMANDS[words]
    assert has_json(command) or not is_listing(command)
    assert has_json(command) or words[-1] not in {"list", "show", "history", "usage", "deliveries"}


def test_a_list_without_json_is_found() -> None:
    odd = typer.Typer()

    @odd.command("all")
    def show_all() -> None:
        """List everything."""

    @odd.command("end")
    def end() -> None:
        """End everything."""

    commands = dict(list_commands(cast("click.Group", typer.main.get_command(odd))))
    assert [words for words, command in commands.items() if is_listing(command) and not has_json(command)] == [("all",)]


@pytest.mark.parametrize("words", LISTS, ids=" ".join)
def test_each_list_is_one_json_array_and_nothing_else_is_on_stdout(
    command_line: CommandLine, to_live_api: LiveApi, words: tuple[str, ...]
) -> None:
    done = command_line.run(*words, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == []
    assert done.stderr == ""
