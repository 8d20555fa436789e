"""Differences between two results of a bench."""

import json
import subprocess
import sys
from pathlib import Path

from bench.compare_results import RESULTS, list_changes, list_figures

BEFORE = {
    "machine": {"cores": 2},
    "rows": [{"photo": "a", "ms": 10.0}, {"photo": "b", "ms": 20.0}],
    "ratio": [1.0, 2.0],
}


def test_figures_are_named_by_what_their_rows_say_and_the_machine_is_none() -> None:
    assert dict(list_figures(BEFORE)) == {"rows[a].ms": 10.0, "rows[b].ms": 20.0, "ratio[0]": 1.0, "ratio[1]": 2.0}


def test_a_change_is_told_in_whatever_order_the_rows_come() -> None:
    now = {"machine": {"cores": 64}, "rows": [{"photo": "b", "ms": 21.0}, {"photo": "a", "ms": 13.0}], "ratio": [1.0]}
    assert list(list_changes(BEFORE, now, 0.1)) == [("rows[a].ms", 10.0, 13.0), ("ratio[1]", 2.0, None)]


def test_rows_that_say_the_same_of_themselves_are_told_apart() -> None:
    before = {"rows": [{"measure": "p50", "clients": 1}, {"measure": "p50", "clients": 8}]}
    assert dict(list_figures(before)) == {"rows[p50].clients": 1, "rows[p50 2].clients": 8}


def test_the_command_compares_with_the_committed_file(tmp_path: Path) -> None:
    committed = json.loads((RESULTS / "waiting.json").read_text())
    committed["answer_after_end_ms"]["p99"] *= 3
    (tmp_path / "waiting.json").write_text(json.dumps(committed))
    command = [sys.executable, "-m", "bench.compare_results", str(tmp_path / "waiting.json")]
    shown = subprocess.run(command, cwd=RESULTS.parents[1], capture_output=True, text=True, check=True).stdout
    (row,) = shown.splitlines()[2:]
    assert row.startswith("| waiting.json | answer_after_end_ms.p99 |")
    assert row.endswith("| 3.00 |")
