"""docs/sizing.md matches the code and the results of the benches."""

import json
import re
from pathlib import Path

import yaml

from emoscope.settings import Settings
from worker.core.services import Services, _count_connections

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/sizing.md").read_text()
TEXT = " ".join(PAGE.split())


def read_most(process: str) -> int:
    """The most connections of a process, from the table under the heading on connections."""
    table = PAGE.split("## Connections", 1)[1]
    row = next(line for line in table.splitlines() if line.startswith(f"| {process}"))
    return int(re.findall(r"\d+", row.split("|")[3])[0])


def test_the_budget_of_connections_is_that_of_the_code(settings: Settings) -> None:
    kept, more = _count_connections()  # of a main process, as the tests are
    assert read_most("housekeeper") == kept + more
    database = Services(settings).database
    pool = database.engine.pool
    assert (pool.size(), pool._max_overflow) == (kept, more)  # type: ignore[attr-defined]
    database.close()
    assert read_most("API process") == settings.api_threads + 10


def test_the_example_fits_into_what_the_compose_file_sets() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    most = int(re.search(r"max_connections=(\d+)", " ".join(services["postgres"]["command"]))[1])  # type: ignore[index]
    needed = 2 * read_most("API process") + 8 * 4 * read_most("worker process") + read_most("housekeeper")
    assert f"the maximum is {needed}," in TEXT
    assert needed < most
    few_threads = 2 * (8 + 10)
    assert f"one API container ({few_threads})" in TEXT
    assert 8 * 4 + few_threads + read_most("housekeeper") < 100


def test_the_connections_of_eight_workers_are_those_that_were_counted() -> None:
    seen = json.loads((ROOT / "bench/results/fleet.json").read_text())["connections"]
    assert (seen["workers"], seen["worker_processes"], seen["max_connections"], seen["refused"]) == (8, 32, 100, 0)
    jobs = seen["jobs"]["succeeded"]
    assert (
        f"{seen['peak_while_starting']} connections while the workers started and {seen['peak']} while {jobs} jobs ran"
        in TEXT
    )
    assert seen["peak"] < seen["max_connections"]


def test_what_the_database_takes_is_what_was_measured() -> None:
    seen = json.loads((ROOT / "bench/results/sizing_load.json").read_text())
    times = f"{seen['statements_a_job']} statements, {seen['database_cpu_ms_a_job']:.1f} ms of processor time"
    assert f"{times}, {seen['bytes_a_job'] / 1000:.1f} kB" in PAGE


def test_the_tables_are_those_of_the_simulation() -> None:
    for row in json.loads((ROOT / "bench/results/sizing_table.json").read_text()):
        told = next(
            line for line in PAGE.splitlines() if line.startswith(f"| {row['photos_a_day'] / 1e6:.0f} million | ")
        )
        cells = [cell.strip() for cell in told.strip("|").split("|")]
        assert cells[2:5] == [str(row[name]) for name in ("worker_processes", "api_processes", "database_cores")]
        assert cells[7] == f"{row['sized']['p50_s'] * 1000:.0f} / {row['sized']['p95_s'] * 1000:.0f} ms"
        assert cells[8] == f"{row['workers away for 30 s']['refused']:,}"
    for row in json.loads((ROOT / "bench/results/sizing.json").read_text())["unseen"]:
        measured, simulated = row["measured_p50_ms"], row["simulated_p50_ms"]
        assert f"| {row['scenario']} | {measured:,.0f} ms | {simulated:,.0f} ms | {row['apart']:+.0%} |" in PAGE
