"""Reading the `.env` file, and its errors."""

from collections.abc import Callable
from pathlib import Path

import pytest

from emoscope.settings import find_unknown_variables, load_settings
from emoscope.settings.env_file import read_env_file
from emoscope.settings.problems import InvalidSettings


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_settings: Callable[[], None]) -> Path:
    monkeypatch.chdir(tmp_path)
    fresh_settings()
    return tmp_path / ".env"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_settings_are_read_from_utf_8(env_file: Path, encoding: str) -> None:
    env_file.write_text("EMOSCOPE_PORT=8123\nOTHER='\u00e9'\n", encoding=encoding)
    assert load_settings().port == 8123


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "latin-1"])
def test_another_encoding_is_told_of(env_file: Path, encoding: str) -> None:
    env_file.write_text("EMOSCOPE_PORT=8123\nOTHER=\u00e9\n", encoding=encoding)
    with pytest.raises(InvalidSettings, match=r"^the file \.env isn't UTF-8 text"):
        load_settings()


def test_a_folder_of_that_name_is_told_of(env_file: Path) -> None:
    env_file.mkdir()
    with pytest.raises(InvalidSettings, match=r"^the file .* can't be read: Is a directory"):
        read_env_file(env_file)


def test_a_line_about_a_setting_that_cannot_be_read_is_told_of(env_file: Path) -> None:
    env_file.write_text("A=1\nEMOSCOPE_PORT='8123\n")
    with pytest.raises(InvalidSettings, match="has a line 2 that can't be read"):
        load_settings()


def test_a_line_of_another_program_is_left_to_it(env_file: Path) -> None:
    env_file.write_text("what is this\nEMOSCOPE_PORT=8123\n")
    assert load_settings().port == 8123


def test_unknown_variables_are_named_with_the_nearest_setting(env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env_file.write_text("EMOSCOPE_PRT=1\nOTHER=1\n")
    monkeypatch.setenv("EMOSCOPE_PHOTO_RETENTION", "0")
    monkeypatch.setenv("EMOSCOPE_XYZZY", "0")
    monkeypatch.setenv("EMOSCOPE_LEASE_S", "30")
    monkeypatch.setenv("EMOSCOPE_INTERNAL_ANALYSES", "1")
    found = {unknown.name: unknown.nearest for unknown in find_unknown_variables()}
    assert found == {
        "EMOSCOPE_PHOTO_RETENTION": "EMOSCOPE_PHOTO_RETENTION_S",
        "EMOSCOPE_PRT": "EMOSCOPE_PORT",
        "EMOSCOPE_XYZZY": None,
    }
