"""How long a reviewer waits for the next face with a million faces stored: the work of the database alone, in milliseconds.

`python -m bench.review_queue [--faces 1000000] [--database URL]` fills an empty database (SQLite in a temporary folder unless one
is named) and measures taking a face, with and without filters, and voting. Filling takes minutes.
"""

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import islice
from typing import Any

from sqlalchemy import insert, text
from uuid_utils.compat import uuid7

from db import access, migrate, model_versions
from db.columns import utcnow
from db.models import Face, Job
from db.models_review import ReviewItem
from db.review_queue import RANDOM_SLICE_SHARE, ReviewFilter, take_faces
from db.reviews import cast_vote
from db.session import Database
from db.vocabulary import EMOTIONS, Detector, Emotion, JobStatus, Priority, ReviewSlice, Verdict

_FACES_A_JOB = 2
_JOBS_A_BLOCK = 5_000
_TRIES = 200
_CROP = bytes(2304)

FILTERS: dict[str, ReviewFilter] = {
    "no filter": ReviewFilter(),
    "emotion": ReviewFilter(emotion=Emotion.DISGUSTED),
    "emotion, confidence, size": ReviewFilter(emotion=Emotion.SAD, min_confidence=0.6, min_face_px=300),
    "confidence": ReviewFilter(min_confidence=0.95),
    "newest version": ReviewFilter(model_version=3),
    "last hour": ReviewFilter(created_from=utcnow() - timedelta(hours=1)),
    "nothing matches": ReviewFilter(min_face_px=100_000),
    "nothing of one emotion matches": ReviewFilter(emotion=Emotion.HAPPY, min_face_px=100_000),
}


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=1_000_000)
    parser.add_argument("--database", default="", help="URL of an empty database")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = Database(arguments.database or f"sqlite:///{folder}/bench.db")
        started = time.perf_counter()
        fill(database, arguments.faces)
        print(f"filled with {arguments.faces:,} faces in {time.perf_counter() - started:.0f} s")
        figures = {name: measure(lambda w=wanted: take(database, w)) for name, wanted in FILTERS.items()}  # type: ignore[misc]
        figures["next face and vote"] = measure(lambda: take_and_vote(database))
        print(json.dumps({"database": database.engine.dialect.name, "milliseconds": figures}, indent=2))
        database.close()


def fill(database: Database, faces: int) -> None:
    """Store jobs with faces over the last 90 days: three versions, confidence and size as they come."""
    migrate.upgrade(database)
    with database.write() as session:
        application = access.ensure_application(session, "bench").id
        versions = [
            model_versions.add_version(session, f"v{n}", f"v{n}", {"architecture": "report"}).id for n in (1, 2, 3)
        ]
    rows = _make_rows(faces, application, versions)
    while block := list(islice(rows, _JOBS_A_BLOCK)):
        with database.write() as session:
            for table, place in ((Job, 0), (Face, 1), (ReviewItem, 2)):
                values = [row for made in block for row in made[place]]
                session.execute(insert(table), values)
    with database.write() as session:
        session.execute(text("ANALYZE"))


def _make_rows(faces: int, application: Any, versions: list[Any]) -> Iterator[tuple[list[Any], list[Any], list[Any]]]:
    chance, now = random.Random(1), utcnow()
    for number in range(faces // _FACES_A_JOB):
        at = now - timedelta(days=90 * (1 - number * _FACES_A_JOB / faces))
        job = {
            "id": uuid7(), "application_id": application, "status": JobStatus.SUCCEEDED, "revision": 2,
            "priority": Priority.BULK, "photo_retention_s": 0.0, "media_type": "image/jpeg",
            "photo_sha256": f"{number:064x}", "photo_bytes": 1, "width": 1000, "height": 1000, "attempt": 1,
            "max_attempts": 3, "created_at": at, "face_count": _FACES_A_JOB,
        }  # fmt: skip
        made_faces, items = [], []
        for position in range(_FACES_A_JOB):
            emotion = chance.choices(EMOTIONS, (10, 1, 5, 40, 30, 10, 4))[0]
            confidence = chance.betavariate(5, 2)
            margin = chance.uniform(max(0.0, 2 * confidence - 1), confidence)
            side, face_id = int(chance.lognormvariate(4.5, 0.7)), uuid7()
            version = min(2, int(3.2 * number * _FACES_A_JOB / faces))
            is_random = chance.random() < RANDOM_SLICE_SHARE
            made_faces.append(
                {
                    "id": face_id, "job_id": job["id"], "position": position, "x": 0, "y": 0, "width": side,
                    "height": side, "detector": Detector.BLAZEFACE, "detection_score": 0.9,
                    "probabilities": [0.0] * 7, "emotion": emotion, "confidence": confidence, "margin": margin,
                    "model_version_id": versions[version], "crop": _CROP, "created_at": at,
                }
            )  # fmt: skip
            items.append(
                {
                    "face_id": face_id, "rank": chance.random() if is_random else margin, "emotion": emotion,
                    "slice": ReviewSlice.RANDOM if is_random else ReviewSlice.UNCERTAIN, "confidence": confidence,
                    "face_px": side, "model_version": version + 1, "created_at": at, "votes_wanted": 1,
                }
            )  # fmt: skip
        yield [job], made_faces, items


def take(database: Database, wanted: ReviewFilter) -> None:
    """What the page asks before it shows a face."""
    with database.write() as session:
        take_faces(session, "bench", wanted)


def take_and_vote(database: Database) -> None:
    """The whole work of one key press."""
    with database.write() as session:
        (item,) = take_faces(session, "bench")
        face_id = item.face_id
    with database.write() as session:
        cast_vote(session, face_id, "bench", Verdict.HAPPY)


def measure(work: Callable[[], None]) -> dict[str, float]:
    """Median, 95th percentile and most milliseconds of many tries."""
    times = []
    for _ in range(_TRIES):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1000)
    cuts = statistics.quantiles(times, n=20)
    return {"median": round(statistics.median(times), 2), "p95": round(cuts[18], 2), "most": round(max(times), 2)}


if __name__ == "__main__":
    main()
