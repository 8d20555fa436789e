"""Measures erased jobs and deleted photos per second.

    python -m bench.service.erasing [--jobs 2000] [--faces 2] [--database URL]

Fills an empty database (SQLite in a temporary folder by default) and a folder of photos, then erases everything as the sweeper
does. Prints how long each took.
"""

import argparse
import tempfile
import time
from pathlib import Path
from uuid import UUID

from uuid_utils.compat import uuid7

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
    parser.add_argument("--database", help="address of an empty database; SQLite in a temporary folder without")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = Database(arguments.database or f"sqlite:///{folder}/bench.db")
        blobs = BlobStore(str(Path(folder) / "blobs"))
        upgrade(database)
        fill(database, blobs, arguments.jobs, arguments.faces)
        report("purged photos", arguments.jobs, purge, database, blobs)
        report("erased jobs", arguments.jobs, erase, database, blobs)
        database.close()


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
    """Build a job with its own photo, expired at once."""
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
    """Build a face with its own position."""
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
    """Delete expired photos as the sweeper does. Returns how many."""
    with database.read() as session:
        due = list_purgeable_photos(session, 1000)
    blobs.delete_many([key for _, key in due])
    with database.write() as session:
        record_purged(session, [job_id for job_id, _ in due])
    return len(due)


def erase(database: Database, blobs: BlobStore) -> int:
    """Erase expired jobs as the sweeper does. Returns how many."""
    return erase_old_jobs(database, blobs, -60, 1000)


def report(what: str, count: int, step: object, database: Database, blobs: BlobStore) -> None:
    """Repeat a step until nothing is left, and print how long it took."""
    assert callable(step)
    began, processor, done = time.perf_counter(), time.process_time(), 0
    while more := step(database, blobs):
        done += more
    assert done == count, (done, count)
    seconds, cpu = time.perf_counter() - began, time.process_time() - processor
    print(
        f"{what}: {done:,} in {seconds:.2f} s, {done / seconds:,.0f} a second; {done / cpu:,.0f} a second of processor time"
    )


if __name__ == "__main__":
    main()
