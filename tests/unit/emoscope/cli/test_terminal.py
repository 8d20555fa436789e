"""Output of commands."""

import json
from collections.abc import Callable

import pytest
import typer

from emoscope.cli.terminal import end_with_sentence, print_json, read_settings, say_step, warn_of_unknown_variables


def test_what_is_not_ours_is_printed_to_the_letter(capsys: pytest.CaptureFixture[str]) -> None:
    say_step("reading [red]odd[/red] [/name]")
    with pytest.raises(typer.Exit), end_with_sentence(ValueError):
        raise ValueError("[bold]no")
    assert tuple(capsys.readouterr()) == ("", "· reading [red]odd[/red] [/name]\nError: [bold]no\n")


def test_json_is_neither_broken_into_lines_nor_read_as_markup(capsys: pytest.CaptureFixture[str]) -> None:
    found = {"text": "[red]" + "x" * 300}
    print_json(found, indent=None)
    shown = capsys.readouterr().out
    assert (json.loads(shown), shown.count("\n")) == (found, 1)


def test_only_the_errors_named_become_a_sentence() -> None:
    with pytest.raises(KeyError), end_with_sentence(ValueError):
        raise KeyError
    with pytest.raises(typer.Exit) as ended, end_with_sentence(ValueError):
        raise UnicodeError
    assert ended.value.exit_code == 1


def test_the_command_line_goes_before_the_environment(
    monkeypatch: pytest.MonkeyPatch, fresh_settings: Callable[[], None]
) -> None:
    monkeypatch.setenv("EMOSCOPE_PORT", "8100")
    fresh_settings()
    assert read_settings(port=None).port == 8100
    assert (read_settings(port=8200).port, read_settings().port) == (8200, 8100)


def test_bad_settings_are_each_a_sentence_and_status_two(
    monkeypatch: pytest.MonkeyPatch, fresh_settings: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EMOSCOPE_PORT", "many")
    fresh_settings()
    for given in ({}, {"port": -1}):
        with pytest.raises(typer.Exit) as ended:
            read_settings(**given)
        assert ended.value.exit_code == 2
    assert capsys.readouterr().err.count("EMOSCOPE_PORT") == 2


def test_a_misspelt_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, fresh_settings: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EMOSCOPE_PROT", "8100")
    fresh_settings()
    warn_of_unknown_variables()
    assert "is EMOSCOPE_PORT meant?" in " ".join(capsys.readouterr().err.split())
