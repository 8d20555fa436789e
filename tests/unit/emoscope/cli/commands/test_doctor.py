"""`emoscope doctor`: findings as a table or as JSON."""

import json

import pytest

from emoscope.cli import checks
from emoscope.cli.checks import CheckStatus, Finding
from tests.support.commands import CommandLine

FINE = Finding("disk", CheckStatus.OK, "[bold]plenty", "")
ABSENT = Finding("queue", CheckStatus.MISSING, "no Redis answers", "start one")


@pytest.mark.parametrize(("findings", "status"), [([FINE], 0), ([FINE, ABSENT], 1)])
def test_it_fails_only_where_something_is_missing(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch, findings: list[Finding], status: int
) -> None:
    monkeypatch.setattr(checks, "run_checks", lambda _settings: iter(findings))
    shown = command_line.expect(status, "doctor")
    assert "[bold]plenty" in shown
    assert [found["part"] for found in json.loads(command_line.run("doctor", "--json").stdout)] == [
        finding.part for finding in findings
    ]
