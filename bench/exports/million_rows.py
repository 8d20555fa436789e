"""Time and memory of an export, of a database made for it: a row for each face, two faces a job.

    python -m bench.exports.million_rows [--faces N] [--quick]

Prints JSON: rows, bytes and seconds of the file in CSV and in JSON Lines, and how much the process's peak memory grew meanwhile.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic
from uuid import UUID

from sqlalchemy import insert
from uuid_utils.compat import uuid7

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

_FACES_A_JOB = 2
_JOBS_A_TRANSACTION = 5000


def fill(database: Database, faces: int) -> UUID:
    """Store jobs with two faces each. Returns their application."""
    with database.write() as session:
        application_id = api_keys.ensure_application(session, "shop").id
        version_id = model_versions.add_version(
            session, "first", "d" * 64, {"schema_version": 2, "architecture": "report", "metrics": {}}
        ).id
    now, crop = utcnow(), bytes(2304)
    job = {
        "application_id": application_id, "status": JobStatus.SUCCEEDED, "revision": 2, "priority": Priority.BULK,
        "photo_retention_s": 0, "media_type": "image/jpeg", "photo_sha256": "0" * 64, "photo_bytes": 9000, "width": 640,
        "height": 480, "attempt": 1, "max_attempts": 3, "created_at": now, "started_at": now, "finished_at": now,
        "face_count": _FACES_A_JOB,
    }  # fmt: skip
    face = {
        "x": 10, "y": 10, "width": 90, "height": 90, "detector": Detector.BLAZEFACE, "detection_score": 0.9,
        "probabilities": [0.01, 0.01, 0.01, 0.91, 0.03, 0.02, 0.01], "emotion": EMOTIONS[3], "confidence": 0.91, "margin": 0.88,
        "vote_shares": [0.02, 0.02, 0.02, 0.84, 0.05, 0.03, 0.02], "conditions": [], "landmarks": [11.5] * 12, "roll_deg": 1.5,
        "yaw_deg": -7.25, "sharpness": 0.61, "brightness": 0.52, "inside_share": 1.0, "model_version_id": version_id,
        "crop": crop, "created_at": now,
    }  # fmt: skip
    left = faces // _FACES_A_JOB
    while left:
        count = min(left, _JOBS_A_TRANSACTION)
        ids = [uuid7() for _ in range(count)]
        with database.write() as session:
            session.execute(insert(Job), [{**job, "id": job_id, "filename": f"{job_id}.jpg"} for job_id in ids])
            rows = [
                {**face, "id": uuid7(), "job_id": job_id, "position": place}
                for job_id in ids
                for place in range(_FACES_A_JOB)
            ]
            session.execute(insert(Face), rows)
        left -= count
    return application_id


def export(folder: Path, application_id: UUID, form: ExportFormat) -> dict[str, object]:
    """Write one export, and measure it."""
    database, blobs = Database(f"sqlite:///{folder / 'bench.db'}"), BlobStore(str(folder / "blobs"))
    with database.write() as session:
        made = create_export(
            session, application_id, JobFilter(), ExportRows.FACES, form, actor=Actor.system("bench")
        ).id
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started_at, started_cpu = monotonic(), sum(os.times()[:2])
    ended = write_export(database, blobs, made, folder, retention_s=60)
    assert ended is not None
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb) / 1000
    return {
        "format": form.value,
        "rows": ended.row_count,
        "bytes": ended.byte_count,
        "seconds": round(monotonic() - started_at, 1),
        "processor_seconds": round(sum(os.times()[:2]) - started_cpu, 1),
        "peak_memory_grew_mb": round(grown_mb, 1),
        "peak_memory_mb": round((before_kb / 1000) + grown_mb, 1),
    }


def main() -> None:
    """Make the database, then export each form in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=1_000_000)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        folder, application_id, form = given.one
        print(json.dumps(export(Path(folder), UUID(application_id), ExportFormat(form))))
        return
    faces = 5000 if given.quick else given.faces
    with tempfile.TemporaryDirectory(prefix="bench-exports-") as name:
        url = f"sqlite:///{Path(name) / 'bench.db'}"

        database = Database(url)
        upgrade(database)
        application_id = fill(database, faces)
        database.close()
        for form in ExportFormat:
            command = [
                sys.executable,
                "-m",
                "bench.exports.million_rows",
                "--one",
                name,
                str(application_id),
                form.value,
            ]
            print(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip(), flush=True)


if __name__ == "__main__":
    main()
