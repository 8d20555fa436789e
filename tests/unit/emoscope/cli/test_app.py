"""The command line as a whole."""

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

from emoscope.cli import app as module
from emoscope.cli.app import app
from emoscope.settings.problems import InvalidSettings, Problem


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
