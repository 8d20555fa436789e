"""`emoscope doctor`: reports what is missing or misconfigured."""

from dataclasses import asdict

import typer
from rich.markup import escape
from rich.table import Table

from emoscope.cli.terminal import AsJson, out, print_json, read_settings

_STYLES = {"ok": "green", "note": "yellow", "missing": "bold red"}


def doctor(
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Report the state of each component, and how to fix what is missing. Exits with 1 if something is missing."""
    from emoscope.cli.checks import CheckStatus, run_checks

    findings = list(run_checks(read_settings()))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        table = Table("part", "", "how it is", "what to do")
        for finding in findings:
            style = _STYLES[finding.status]
            table.add_row(
                finding.part, f"[{style}]{finding.status}[/{style}]", escape(finding.detail), escape(finding.advice)
            )
        out.print(table)
    if any(finding.status is CheckStatus.MISSING for finding in findings):
        raise typer.Exit(1)
