"""Outcomes in each output format, parsed by standard readers."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from emoscope.cli import terminal
from emoscope.cli.analysis.printing import CSV_FIELDS, Format, find_failure, print_failure, print_outcomes
from emoscope.cli.analysis.reading import Outcome, PhotoError
from emoscope_client import Job
from tests.support.factories.answers import make_face, make_job

NAME = "[red]a[0] :smile: [bold].jpg"
REASON = "it says [/nope] and [link=x] :warning: " + "and so on " * 30


def read_job(status: str, faces: list[dict[str, Any]] | None = None, **more: object) -> Job:
    return Job.from_json({**make_job(status, faces), **more})


def make_outcomes() -> list[tuple[str, Outcome]]:
    return [
        (NAME, read_job("succeeded", [make_face(), make_face()])),
        ("none.jpg", read_job("succeeded")),
        ("=broken().jpg", read_job("failed", error={"code": "broken_picture", "detail": REASON})),
        ("b\udcff.txt", PhotoError("not_a_picture", REASON)),
    ]


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    for console in (terminal.out, terminal.err):
        monkeypatch.setattr(console, "width", 500)


@pytest.mark.parametrize("form", [Format.JSON, Format.JSONL])
def test_json_is_exact(form: Format, capsys: pytest.CaptureFixture[str]) -> None:
    print_outcomes(make_outcomes(), form)
    said = capsys.readouterr().out
    found = json.loads(said) if form is Format.JSON else [json.loads(line) for line in said.splitlines()]
    assert [each["photo"] for each in found] == [name for name, _ in make_outcomes()]
    assert [each["status"] for each in found] == ["succeeded", "succeeded", "failed", "refused"]
    assert [(each["error"] or {}).get("code") for each in found] == [None, None, "broken_picture", "not_a_picture"]
    assert found[3]["error"]["detail"] == REASON
    assert [len(each["faces"]) for each in found] == [2, 0, 0, 0]
    assert {tuple(each) for each in found} == {("photo", "job_id", "status", "error", "faces")}


def test_no_photos_are_an_empty_list(capsys: pytest.CaptureFixture[str]) -> None:
    print_outcomes([], Format.JSON)
    assert json.loads(capsys.readouterr().out) == []
    print_outcomes([], Format.CSV)
    assert capsys.readouterr().out.split() == [",".join(CSV_FIELDS)]


def test_csv_has_a_row_for_each_face_and_one_for_each_photo_without(capsys: pytest.CaptureFixture[str]) -> None:
    print_outcomes(make_outcomes(), Format.CSV)
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out, newline="")))
    assert [(row["photo"], row["face"], row["status"], row["error_code"]) for row in rows] == [
        (NAME, "1", "succeeded", ""),
        (NAME, "2", "succeeded", ""),
        ("none.jpg", "", "succeeded", ""),
        ("'=broken().jpg", "", "failed", "broken_picture"),  # no formula to a spreadsheet
        ("b?.txt", "", "refused", "not_a_picture"),
    ]
    assert (rows[0]["x"], rows[0]["emotion"], rows[0]["probability_happy"], rows[0]["uncertain"]) == (
        "1",
        "happy",
        "0.7",
        "false",
    )


def test_a_table_names_photos_as_they_are_and_those_without_a_face(capsys: pytest.CaptureFixture[str]) -> None:
    print_outcomes(make_outcomes(), Format.TABLE)
    said = capsys.readouterr().out
    assert NAME in said
    assert "none.jpg: no face found" in said
    assert "broken" not in said


def test_what_has_no_result_is_told_on_stderr_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert [print_failure(name, outcome) for name, outcome in make_outcomes()] == [False, False, True, True]
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == [
        f"=broken().jpg: broken_picture: {REASON}",
        f"b?.txt: not_a_picture: {REASON}",
    ]
    assert find_failure(read_job("canceled")) == ("canceled", "")


@pytest.mark.parametrize("form", Format)
def test_each_outcome_is_printed_before_the_next_is_waited_for(
    form: Format, capsys: pytest.CaptureFixture[str]
) -> None:
    def come() -> Iterator[tuple[str, Outcome]]:
        yield "first.jpg", read_job("succeeded", [make_face()])
        assert "first.jpg" in capsys.readouterr().out
        yield "second.jpg", read_job("succeeded", [make_face()])
        assert "second.jpg" in capsys.readouterr().out

    print_outcomes(come(), form)
