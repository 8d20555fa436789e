"""Error messages of settings."""

import pytest
from pydantic import ValidationError

from emoscope.settings import Settings
from emoscope.settings.problems import InvalidSettings, Problem, UnknownVariable, exit_with, find_unknown


def find_problems(**given: object) -> tuple[Problem, ...]:
    with pytest.raises(ValidationError) as refused:
        Settings(_env_file=None, **given)  # type: ignore[arg-type]
    return InvalidSettings.from_validation(refused.value).problems


def test_each_setting_is_named_by_its_variable_with_the_end_of_a_sentence() -> None:
    problems = find_problems(port="many", lease_s=-1)
    assert {problem.setting for problem in problems} == {"EMOSCOPE_PORT", "EMOSCOPE_LEASE_S"}
    assert all(problem.reason.startswith(("should ", "must ")) for problem in problems), problems


def test_no_sentence_repeats_the_value() -> None:
    assert "secret" not in str(find_problems(database_url="mysql://secret@host/db"))


def test_a_variable_that_is_nearly_a_setting_is_told_which() -> None:
    given = {"EMOSCOPE_PROT": "1", "emoscope_port": "1", "EMOSCOPE_QQQQQQ": "", "EMOSCOPE_TEST_X": "", "PATH": ""}
    assert find_unknown(given, ["port", "host"]) == [
        UnknownVariable("EMOSCOPE_PROT", "EMOSCOPE_PORT"),
        UnknownVariable("EMOSCOPE_QQQQQQ", None),
    ]
    assert str(UnknownVariable("EMOSCOPE_PROT", "EMOSCOPE_PORT")).endswith("; is EMOSCOPE_PORT meant?")


def test_a_process_ends_with_a_sentence_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        exit_with(InvalidSettings([Problem("EMOSCOPE_A", "is odd"), Problem("EMOSCOPE_B", "too")]))
    assert ended.value.code == 2
    assert capsys.readouterr().err == "Error: EMOSCOPE_A is odd\nError: EMOSCOPE_B too\n"
