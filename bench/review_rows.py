"""Fills a database with many classified faces for benches: 90 days of jobs, three versions, realistic confidences and sizes.

PostgreSQL gets them by COPY. There are four applications of very different sizes, one of which sent photos only on the first days;
batches; labels, some of them tied; and shadow predictions of the previous version.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from bench.copy_rows import copy_rows, copying
from db.accounts import api_keys
from db.core import migrate
from db.core.actors import Actor
from db.core.base import Base
from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import EMOTIONS, Detector, Emotion, JobStatus, Priority, ReviewSlice, VoteChoice
from db.faces.hourly_counts import count_in
from db.faces.tables import Face
from db.jobs.tables import Batch, Job
from db.model_versions import actions as model_versions
from db.model_versions.tables import ShadowPrediction
from db.reviews.queue import RANDOM_SLICE_SHARE
from db.reviews.tables import ReviewItem, ReviewSubject, ReviewVote
from tests.support.factories.model_versions import make_manifest

DAYS = 90
_FACES_A_JOB = 2
_JOBS_A_BLOCK = 5_000
_FAILED_SHARE = 0.02
"""Failed jobs per job that succeeded."""
_LABELLED_SHARE = 0.01
_RIGHT_SHARE = 0.8
_TIED_SHARE = 0.02
"""Share of the labelled faces whose two votes differ."""
_REVIEWERS = ("judge", "ben", "eva")
_BATCH_PHOTOS = 500
APPLICATIONS = {"bench": 0.6, "shop": 0.3, "kiosk": 0.1}
"""Share of the photos per application."""
GONE_APPLICATION = "gone"
_GONE_DAYS = 2
"""Number of days at the beginning on which all photos come from an application that sends none later."""
_CROP = bytes(2304)

_TABLES = (Batch, Job, Face, ShadowPrediction, ReviewSubject, ReviewItem, ReviewVote)
"""Ordered so that each table refers only to previous ones."""

Rows = dict[type[Base], list[dict[str, Any]]]


def fill(database: Database, faces: int) -> None:
    """Store this number of faces. Does nothing if the database is filled."""
    migrate.upgrade(database)
    with database.read() as session:
        if session.scalar(select(func.count()).select_from(ReviewItem)):
            return
    with database.write() as session:
        applications = {
            name: api_keys.ensure_application(session, name).id for name in (*APPLICATIONS, GONE_APPLICATION)
        }
        versions = [model_versions.add_version(session, f"v{n}", f"v{n}", make_manifest()) for n in (1, 2, 3)]
        for version in versions:
            model_versions.promote(session, version, Actor.system("bench"), "the newest")
    made = _make_jobs(faces, applications, [version.id for version in versions])
    if database.is_sqlite:
        while block := list(islice(made, _JOBS_A_BLOCK)):
            with database.write() as session:
                for table in _TABLES:
                    if stored := [row for rows in block for row in rows[table]]:
                        session.execute(insert(table), stored)
                _count(session, block)
        return
    with copying(database, _TABLES):
        while block := list(islice(made, _JOBS_A_BLOCK)):
            with database.write() as session:
                for table in _TABLES:
                    if stored := [row for rows in block for row in rows[table]]:
                        copy_rows(session.connection(), table, stored)
                _count(session, block)
    # autovacuum would do this minutes later; SQLite gathers no statistics itself
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql("VACUUM ANALYZE")
        connection.invalidate()  # the setting is this function's


@dataclass
class _Counted:
    created_at: datetime
    emotion: Emotion
    confidence: float
    face_px: int


def _count(session: Session, block: list[Rows]) -> None:
    items = (item for rows in block for item in rows[ReviewItem])
    count_in(
        session, (_Counted(item["created_at"], item["emotion"], item["confidence"], item["face_px"]) for item in items)
    )


def _make_jobs(faces: int, applications: dict[str, UUID], versions: list[UUID]) -> Iterator[Rows]:
    chance, now, batch = random.Random(1), utcnow(), dict[str, Any]()
    for number in range(faces // _FACES_A_JOB):
        share = number * _FACES_A_JOB / faces
        at = now - timedelta(days=DAYS * (1 - share))
        rows: Rows = {table: [] for table in _TABLES}
        name = chance.choices(list(APPLICATIONS), list(APPLICATIONS.values()))[0]
        job = _make_job(number, applications[GONE_APPLICATION if share * DAYS < _GONE_DAYS else name], at)
        if number % _BATCH_PHOTOS == 0:
            batch = {
                "id": make_key(at), "application_id": applications["bench"], "created_at": at, "closed_at": at,
                "finished_at": at, "photo_count": 0,
            }  # fmt: skip
            rows[Batch].append(batch)
        if job["application_id"] == batch["application_id"]:
            job |= {"batch_id": batch["id"], "batch_position": batch["photo_count"]}
            batch["photo_count"] += 1
        rows[Job].append(job)
        if chance.random() < _FAILED_SHARE:
            ended = {"status": JobStatus.FAILED, "error_code": "broken_picture", "face_count": None}
            rows[Job].append(_make_job(faces + number, job["application_id"], at) | ended)
        version = min(2, int(3.2 * share))
        for position in range(_FACES_A_JOB):
            _make_face(rows, chance, job, position, version + 1, versions)
        yield rows


def _make_job(number: int, application: UUID, at: datetime) -> dict[str, Any]:
    return {
        "id": make_key(at), "application_id": application, "status": JobStatus.SUCCEEDED, "revision": 2,
        "priority": Priority.BULK, "photo_retention_s": 0.0, "media_type": "image/jpeg",
        "photo_sha256": f"{number:064x}", "photo_bytes": 1, "batch_id": None,
        "batch_position": None, "filename": f"photo-{number:07}.jpg", "width": 1000, "height": 1000, "attempt": 1,
        "max_attempts": 3, "created_at": at, "started_at": at + timedelta(seconds=0.1),
        "finished_at": at + timedelta(seconds=0.2), "face_count": _FACES_A_JOB, "error_code": None,
    }  # fmt: skip


def _make_face(
    rows: Rows, chance: random.Random, job: dict[str, Any], position: int, version: int, versions: list[UUID]
) -> None:
    """Add a face to the rows, with its queue entry; a few of them labelled."""
    at = job["created_at"]
    emotion = chance.choices(EMOTIONS, (10, 1, 5, 40, 30, 10, 4))[0]
    confidence = chance.betavariate(5, 2)
    margin = chance.uniform(max(0.0, 2 * confidence - 1), confidence)
    side, face_id = int(chance.lognormvariate(4.5, 0.7)), make_key(at)
    slice_ = ReviewSlice.RANDOM if chance.random() < RANDOM_SLICE_SHARE else ReviewSlice.UNCERTAIN
    box = {"x": 200 * position, "y": 0, "width": side, "height": side}
    rows[Face].append(
        box | {
            "id": face_id, "job_id": job["id"], "position": position, "detector": Detector.BLAZEFACE,
            "detection_score": 0.9, "probabilities": [0.0] * 7, "emotion": emotion, "confidence": confidence,
            "margin": margin, "model_version_id": versions[version - 1], "crop": _CROP, "created_at": at,
        }
    )  # fmt: skip
    item = {
        "face_id": face_id, "rank": chance.random() if slice_ is ReviewSlice.RANDOM else margin, "emotion": emotion,
        "slice": slice_, "confidence": confidence, "face_px": side, "model_version": version, "created_at": at,
        "votes_wanted": 1, "subject_id": None, "closed_at": None,
    }  # fmt: skip
    rows[ReviewItem].append(item)
    if version == len(versions):
        said = emotion if chance.random() < _RIGHT_SHARE else chance.choice(EMOTIONS)
        rows[ShadowPrediction].append(
            {
                "face_id": face_id, "model_version_id": versions[-2], "predicted_by_id": versions[-1],
                "probabilities": [0.0] * 7, "emotion": said, "confidence": confidence, "differs": said is not emotion,
                "created_at": at,
            }
        )  # fmt: skip
    if chance.random() < _LABELLED_SHARE:
        _label_face(rows, chance, item, job["photo_sha256"], box)


def _label_face(
    rows: Rows, chance: random.Random, item: dict[str, Any], photo_sha256: str, box: dict[str, int]
) -> None:
    """Add one vote, blind if the face was drawn at random; or two different ones, which give no label."""
    at, is_blind = item["created_at"], item["slice"] is ReviewSlice.RANDOM
    emotion: Emotion = item["emotion"]
    label = VoteChoice((emotion if chance.random() < _RIGHT_SHARE else chance.choice(EMOTIONS)).value)
    is_tied = chance.random() < _TIED_SHARE
    choices = (label, VoteChoice.AMBIGUOUS) if is_tied else (label,)
    item |= {"subject_id": make_key(at), "closed_at": None if is_tied else at}
    rows[ReviewSubject].append(
        box | {
            "id": item["subject_id"], "photo_sha256": photo_sha256, "crop": _CROP, "label": None if is_tied else label,
            "blind_label": label if is_blind and not is_tied else None, "drawn_at": at if is_blind else None,
            "vote_count": len(choices), "created_at": at, "labeled_at": at,
        }
    )  # fmt: skip
    for reviewer, choice in zip(chance.sample(_REVIEWERS, len(choices)), choices, strict=True):
        rows[ReviewVote].append(
            {
                "id": make_key(at), "subject_id": item["subject_id"], "face_id": item["face_id"],
                "reviewer": reviewer, "choice": choice, "predicted": emotion, "model_version": item["model_version"],
                "at": at, "is_blind": is_blind,
            }
        )  # fmt: skip


def make_key(at: datetime) -> UUID:
    """Return a key of that time, as if the row had been stored then."""
    return uuid7(nanoseconds=int(at.timestamp() * 1e9))
