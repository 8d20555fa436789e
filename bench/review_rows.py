"""A database of many judged faces for the benches: 90 days of jobs, three versions, confidence and size as they come."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, text
from uuid_utils.compat import uuid7

from db.accounts import api_keys
from db.core import migrate
from db.core.base import Base
from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import EMOTIONS, Detector, JobStatus, Priority, ReviewSlice, VoteChoice
from db.faces.hourly_counts import count_in
from db.faces.tables import Face
from db.jobs.tables import Job
from db.model_versions import actions as model_versions
from db.reviews.queue import RANDOM_SLICE_SHARE
from db.reviews.tables import ReviewItem, ReviewSubject, ReviewVote
from tests.support.manifests import make_manifest

DAYS = 90
_FACES_A_JOB = 2
_JOBS_A_BLOCK = 5_000
_FAILED_SHARE = 0.02
"""Failed jobs beside each that succeeded."""
_LABELLED_SHARE = 0.01
_RIGHT_SHARE = 0.8
_CROP = bytes(2304)

Rows = dict[type[Base], list[dict[str, Any]]]


def fill(database: Database, faces: int) -> None:
    """Store so many faces. A database that holds them already is left as it is."""
    migrate.upgrade(database)
    with database.read() as session:
        if session.scalar(select(func.count()).select_from(ReviewItem)):
            return
    with database.write() as session:
        application = api_keys.ensure_application(session, "bench").id
        versions = [model_versions.add_version(session, f"v{n}", f"v{n}", make_manifest()).id for n in (1, 2, 3)]
    made = _make_jobs(faces, application, versions)
    while block := list(islice(made, _JOBS_A_BLOCK)):
        with database.write() as session:
            for table in (Job, Face, ReviewSubject, ReviewItem, ReviewVote):
                session.execute(insert(table), [row for rows in block for row in rows[table]])
            count_in(session, [ReviewItem(**row) for rows in block for row in rows[ReviewItem]])
    if not database.is_sqlite:
        # What its autovacuum does by itself, minutes later. Nothing gathers statistics on SQLite.
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


def _make_jobs(faces: int, application: UUID, versions: list[UUID]) -> Iterator[Rows]:
    chance, now = random.Random(1), utcnow()
    for number in range(faces // _FACES_A_JOB):
        share = number * _FACES_A_JOB / faces
        at = now - timedelta(days=DAYS * (1 - share))
        rows: Rows = {table: [] for table in (Job, Face, ReviewSubject, ReviewItem, ReviewVote)}
        job = _make_job(number, application, at)
        rows[Job].append(job)
        if chance.random() < _FAILED_SHARE:
            ended = {"status": JobStatus.FAILED, "error_code": "broken_picture", "face_count": None}
            rows[Job].append(_make_job(faces + number, application, at) | ended)
        version = min(2, int(3.2 * share))
        for position in range(_FACES_A_JOB):
            _make_face(rows, chance, job, position, version + 1, versions[version])
        yield rows


def _make_job(number: int, application: UUID, at: datetime) -> dict[str, Any]:
    return {
        "id": _make_key(at), "application_id": application, "status": JobStatus.SUCCEEDED, "revision": 2,
        "priority": Priority.BULK, "photo_retention_s": 0.0, "media_type": "image/jpeg",
        "photo_sha256": f"{number:064x}", "photo_bytes": 1, "width": 1000, "height": 1000, "attempt": 1,
        "max_attempts": 3, "created_at": at, "started_at": at + timedelta(seconds=0.1),
        "finished_at": at + timedelta(seconds=0.2), "face_count": _FACES_A_JOB, "error_code": None,
    }  # fmt: skip


def _make_face(
    rows: Rows, chance: random.Random, job: dict[str, Any], position: int, version: int, version_id: UUID
) -> None:
    """Add a face to the rows, with its place in the queue; a few of them judged."""
    at = job["created_at"]
    emotion = chance.choices(EMOTIONS, (10, 1, 5, 40, 30, 10, 4))[0]
    confidence = chance.betavariate(5, 2)
    margin = chance.uniform(max(0.0, 2 * confidence - 1), confidence)
    side, face_id = int(chance.lognormvariate(4.5, 0.7)), _make_key(at)
    slice_ = ReviewSlice.RANDOM if chance.random() < RANDOM_SLICE_SHARE else ReviewSlice.UNCERTAIN
    box = {"x": 200 * position, "y": 0, "width": side, "height": side}
    rows[Face].append(
        box | {
            "id": face_id, "job_id": job["id"], "position": position, "detector": Detector.BLAZEFACE,
            "detection_score": 0.9, "probabilities": [0.0] * 7, "emotion": emotion, "confidence": confidence,
            "margin": margin, "model_version_id": version_id, "crop": _CROP, "created_at": at,
        }
    )  # fmt: skip
    item = {
        "face_id": face_id, "rank": chance.random() if slice_ is ReviewSlice.RANDOM else margin, "emotion": emotion,
        "slice": slice_, "confidence": confidence, "face_px": side, "model_version": version, "created_at": at,
        "votes_wanted": 1, "subject_id": None, "closed_at": None,
    }  # fmt: skip
    rows[ReviewItem].append(item)
    if chance.random() < _LABELLED_SHARE:
        label = VoteChoice((emotion if chance.random() < _RIGHT_SHARE else chance.choice(EMOTIONS)).value)
        item |= {"subject_id": _make_key(at), "closed_at": at}
        rows[ReviewSubject].append(
            box | {
                "id": item["subject_id"], "photo_sha256": job["photo_sha256"], "crop": _CROP, "label": label,
                "drawn_at": at if slice_ is ReviewSlice.RANDOM else None, "vote_count": 1, "created_at": at,
                "labeled_at": at,
            }
        )  # fmt: skip
        rows[ReviewVote].append(
            {
                "id": _make_key(at), "subject_id": item["subject_id"], "face_id": face_id, "reviewer": "judge",
                "choice": label, "predicted": emotion, "model_version": version, "at": at,
            }
        )  # fmt: skip


def _make_key(at: datetime) -> UUID:
    """A key of that time, as if the row had been stored then."""
    return uuid7(nanoseconds=int(at.timestamp() * 1e9))
