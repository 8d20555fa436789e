"""Erased jobs and purged photos a second.

    python -m bench.service.erasing [--jobs 2000] [--faces 2] [--quick] [--database URL] [--json FILE]

Fills an empty database (SQLite in a temporary folder by default) and a folder of photos, then erases all of it as the
sweeper does. Prints how many a second by the clock, and how many for a second of processor time.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from uuid_utils.compat import uuid7

from bench.machine import describe_machine
from db.accounts.api_keys import ensure_application
from db.core.actors import Actor
from db.core.blobs import BlobStore, make_photo_key
from db.core.migrate import upgrade
from db.core.session import Database
from db.core.vocabulary import EMOTIONS, Detector
from db.faces.actions import NewFace
from db.jobs.lifecycle import NewJob, Outcome, claim_job, create_job, finish_job
from db.jobs.retention import erase_old_jobs
from db.model_versions.actions import add_version
from db.photos.sweeping import list_purgeable_photos, record_purged
from tests.support.factories.model_versions import make_manifest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--faces", type=int, default=2, help="of each job")
    parser.add_argument(
        "--database", default="", help="address of an empty database; SQLite in a temporary folder without"
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path, help="file for the same rows as JSON")
    given = parser.parse_args()
    jobs = 100 if given.quick else given.jobs
    with tempfile.TemporaryDirectory() as folder:
        database = Database(given.database or f"sqlite:///{folder}/bench.db")
        blobs = BlobStore(str(Path(folder) / "blobs"))
        upgrade(database)
        fill(database, blobs, jobs, given.faces)
        steps: dict[str, Callable[[Database, BlobStore], int]] = {"purged photos": purge, "erased jobs": erase}
        rows = [measure(what, jobs, step, database, blobs) for what, step in steps.items()]
        database.close()
    print("| what | number | a second (wall clock) | for a second of processor time |\n| --- | --- | --- | --- |")
    for row in rows:
        print(f"| {row['what']} | {row['count']:,} | {row['a_second']:,} | {row['a_cpu_second']:,} |")
    if given.json:
        given.json.write_text(json.dumps({"machine": describe_machine(), "rows": rows}, indent=1) + "\n")


def fill(database: Database, blobs: BlobStore, job_count: int, face_count: int) -> None:
    """Store ended jobs, each with its photo and faces."""
    with database.write() as session:
        application_id = ensure_application(session, "bench").id
        version_id = add_version(session, "bench", "0" * 64, make_manifest("default")).id
    for number in range(job_count):
        job_id = uuid7()
        blobs.put(make_photo_key(job_id), b"photo")
        with database.write() as session:
            create_job(session, make_job(job_id, application_id, number), Actor.system("bench"))
            _, claim = claim_job(session, job_id, "bench:1", 60)
            faces = tuple(make_face(version_id, position) for position in range(face_count))
            finish_job(session, claim, Outcome(640, 480, faces))


def make_job(job_id: UUID, application_id: UUID, number: int) -> NewJob:
    """A job of a photo of its own, whose time is over at once."""
    return NewJob(
        id=job_id,
        application_id=application_id,
        photo_key=make_photo_key(job_id),
        photo_sha256=f"{number:064x}",
        photo_bytes=5,
        media_type="image/jpeg",
        width=640,
        height=480,
        photo_retention_s=0,
        max_attempts=1,
    )


def make_face(version_id: UUID, position: int) -> NewFace:
    """A face at a place of its own."""
    return NewFace(
        x=100 * position,
        y=0,
        width=80,
        height=80,
        detector=Detector.BLAZEFACE,
        detection_score=0.9,
        probabilities=(0.4, *[0.1] * (len(EMOTIONS) - 1)),
        model_version_id=version_id,
        crop=bytes(48 * 48),
    )


def purge(database: Database, blobs: BlobStore) -> int:
    """What the sweeper does with photos whose time is over. Returns how many."""
    with database.read() as session:
        due = list_purgeable_photos(session, 1000)
    blobs.delete_many([key for _, key in due])
    with database.write() as session:
        record_purged(session, [job_id for job_id, _ in due])
    return len(due)


def erase(database: Database, blobs: BlobStore) -> int:
    """What the sweeper does with jobs whose time is over. Returns how many."""
    return erase_old_jobs(database, blobs, -60, 1000)


def measure(
    what: str, count: int, step: Callable[[Database, BlobStore], int], database: Database, blobs: BlobStore
) -> dict[str, str | int]:
    """Repeat a step until nothing is left to do."""
    began, processor, done = time.perf_counter(), time.process_time(), 0
    while more := step(database, blobs):
        done += more
    assert done == count, (done, count)
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - processor
    return {"what": what, "count": done, "a_second": round(done / seconds), "a_cpu_second": round(done / cpu_s)}


if __name__ == "__main__":
    main()
