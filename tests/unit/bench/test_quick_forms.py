"""The quick forms of the benches run, and give a table, machine facts and JSON. The slower ones only with `--long`."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.run_all import list_benches

ROOT = Path(__file__).parents[3]
SHORT = {"bench.analysis.batching", "bench.service.erasing", "bench.service.reading", "bench.service.worker_job"}
WITHOUT_TABLE = {
    "bench.exports.million_rows",
    "bench.service.waiting",
    "bench.sizing.fit",
    "bench.sizing.load",
}
"""They print a line per figure; docs/sizing.md has the tables of `bench.sizing`."""
WITHOUT_MACHINE = {"bench.service.half_requests", "bench.sizing.table"}
"""One counts requests, the other simulates: their results depend on no machine."""
QUICK = [
    module for module, arguments in list_benches().items() if arguments == ["--quick"] and module not in WITHOUT_MACHINE
]


def test_the_short_ones_are_benches() -> None:
    assert set(QUICK) >= SHORT


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "module", [pytest.param(each, marks=() if each in SHORT else pytest.mark.long) for each in QUICK]
)
def test_a_quick_form_gives_a_table_and_json(module: str, tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    command = [sys.executable, "-m", module, "--quick", "--json", str(results)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stderr[-2000:]
    written = json.loads(results.read_text())
    machine = written.pop("machine")
    assert machine["cores"] > 0
    assert {"processor", "python", "commit", "load_at_the_end"} <= machine.keys()
    assert written
    if module in WITHOUT_TABLE:
        assert re.search(r"\d", done.stdout)
        return
    rows = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert re.fullmatch(r"(\| --- )+\|", rows[1])
    columns = rows[0].count("|")
    assert len(rows) > 2
    assert rows[2].count("|") == columns
    assert re.search(r"\d", rows[2])
