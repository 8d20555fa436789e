"""Reports of the start."""

import json
import os
import sys

import pytest

from emoscope.stack.reports import LineReporter, TerminalReporter


def test_people_read_results_on_stdout_and_the_way_there_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = TerminalReporter()
    reporter.step("preparing")
    reporter.ready("hello\n")
    reporter.fail("no")
    assert tuple(capsys.readouterr()) == ("hello\n", "· preparing\nError: no\n")


def test_a_program_reads_a_line_each_until_the_stack_works(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = LineReporter()
    reporter.step("preparing\ntwice")
    reporter.fail("no")
    reporter.ready("hello")
    reporter.step("nobody reads on")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines == [{"step": "preparing\ntwice"}, {"error": "no"}, {"ready": "hello"}]


@pytest.mark.parametrize("kind", [TerminalReporter, LineReporter])
def test_a_reader_that_is_gone_is_no_error(
    kind: type[TerminalReporter | LineReporter], monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    stream = os.fdopen(writing, "w")
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, stream)
    reporter = kind()
    reporter.step("x" * 100_000)
    reporter.fail("y")
    reporter.ready("z")
    monkeypatch.undo()
    with pytest.raises(BrokenPipeError):
        stream.close()
