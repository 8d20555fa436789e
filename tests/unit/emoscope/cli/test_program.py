from pathlib import Path

import pytest

from emoscope.cli.program import name_program


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """An executable of that name, as an environment has it."""
    made = tmp_path / "bin" / "emoscope"
    made.parent.mkdir()
    made.write_text("#!/bin/sh\n")
    made.chmod(0o755)
    return made


def test_a_program_on_the_path_is_called_by_its_name(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(script.parent))
    assert name_program(str(script)) == "emoscope"


def test_a_program_of_an_environment_is_called_by_its_path(
    script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert name_program("bin/emoscope") == "bin/emoscope"


@pytest.mark.parametrize(
    ("started_as", "name"),
    [("/site-packages/emoscope/__main__.py", "python -m emoscope"), ("/home/ana/my_script.py", "emoscope")],
)
def test_modules_and_other_programs_are_known(started_as: str, name: str) -> None:
    assert name_program(started_as) == name
