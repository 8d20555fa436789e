"""A database filled by revision 0007 is migrated, and read correctly.

`rows_of_0007.sql` was written by that revision's own functions: four jobs in four states, two faces, four votes, one of them
undone, a promoted and a queued training run, two model versions, two users, a key.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import JSON, Boolean, DateTime, LargeBinary, MetaData, Uuid, func, select, text

from db.accounts import api_keys, users
from db.accounts.audit_log import AuditFilter, list_audit_events
from db.core import migrate
from db.core.session import Database
from db.core.vocabulary import (
    DeliveryState,
    Emotion,
    JobStatus,
    ReviewSlice,
    Role,
    Scope,
    TrainingRunStatus,
    VoteChoice,
)
from db.faces.tables import Face
from db.jobs.queries import get_job
from db.jobs.tables import Job, JobEvent
from db.model_versions import actions as model_versions
from db.reviews.actions import get_review, list_votes
from db.training_runs import lifecycle as training_runs
from db.webhooks.old_callbacks import adopt_callbacks
from db.webhooks.tables import WebhookDelivery, WebhookEndpoint

ROWS = Path(__file__).with_name("rows_of_0007.sql")
KEY = "emo_Y2EaX_X-e_wm6S3cssl8Ied6vh3eyczANe9AmV9p6iI"
SUCCEEDED, FAILED, CANCELED, QUEUED = (UUID(f"01900000-0000-7000-8000-00000000000{number}") for number in (1, 2, 3, 4))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def migrated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """The old rows in today's schema. The tests read, and what one writes no other looks at."""
    folder = tmp_path_factory.mktemp("old")
    filled = Database(f"sqlite:///{folder}/rows.db")
    migrate.upgrade(filled, "0007")
    filled.close()
    insert_rows(folder / "rows.db")
    if request.param == "postgresql":
        make: Callable[[str], str] = request.getfixturevalue("make_postgresql_database")
        database = Database(make("old_rows"))
        migrate.upgrade(database, "0007")
        copy_rows(folder / "rows.db", database)
    else:
        database = Database(f"sqlite:///{folder}/rows.db")
    migrate.upgrade(database)
    yield database
    database.close()


def insert_rows(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.executescript(ROWS.read_text())
    connection.close()


def copy_rows(path: Path, database: Database) -> None:
    """Copy all rows of an SQLite database into one of the same schema."""
    metadata = MetaData()
    metadata.reflect(database.engine)
    source = sqlite3.connect(path)
    source.row_factory = sqlite3.Row
    with database.engine.execution_options(emoscope_writes=True).begin() as connection:
        for table in metadata.sorted_tables:
            if table.name == "alembic_version":
                continue
            rows = [dict(row) for row in source.execute(f'SELECT * FROM "{table.name}"')]
            values = [{key: read_value(table.c[key].type, value) for key, value in row.items()} for row in rows]
            if values:
                connection.execute(table.insert(), values)
            if values and isinstance(values[0].get("id"), int):
                last = {"last": max(row["id"] for row in values)}
                connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), :last)"), last)
    source.close()


def read_value(kind: Any, value: Any) -> Any:
    """What SQLite stores, as PostgreSQL's driver takes it."""
    if value is None or isinstance(kind, LargeBinary):
        return value
    if isinstance(kind, Uuid):
        return UUID(value)
    if isinstance(kind, DateTime):
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    if isinstance(kind, Boolean):
        return bool(value)
    return json.loads(value) if isinstance(kind, JSON) else value


def test_jobs_and_their_faces_are_read_as_before(migrated: Database) -> None:
    with migrated.read() as session:
        found = {job_id: get_job(session, job_id) for job_id in (SUCCEEDED, FAILED, CANCELED, QUEUED)}
        assert [job.status for job in found.values() if job is not None] == [
            JobStatus.SUCCEEDED,
            JobStatus.FAILED,
            JobStatus.CANCELED,
            JobStatus.QUEUED,
        ]
        done, failed = found[SUCCEEDED], found[FAILED]
        assert done is not None
        assert failed is not None
        assert (done.filename, done.face_count, done.width, done.height) == ("1.jpg", 2, 100, 80)
        rows = session.execute(select(Face.x, Face.emotion, func.length(Face.crop)).order_by(Face.x)).all()
        assert [tuple(row) for row in rows] == [(1, Emotion.HAPPY, 2304), (50, Emotion.SAD, 2304)]
        assert {face.x for face in done.faces} == {1, 50}
        events = session.scalars(select(JobEvent).where(JobEvent.job_id == SUCCEEDED).order_by(JobEvent.id))
        assert [(event.from_status, event.to_status) for event in events] == [
            (None, JobStatus.QUEUED),
            (JobStatus.QUEUED, JobStatus.RUNNING),
            (JobStatus.RUNNING, JobStatus.SUCCEEDED),
        ]
        assert (failed.error_code, failed.error_detail) == ("broken_picture", "the file is damaged")


def test_a_callback_that_was_due_becomes_a_delivery_while_the_service_runs(migrated: Database) -> None:
    with migrated.write() as session:
        assert adopt_callbacks(session, 10) == 1
    with migrated.read() as session:
        (delivery,) = session.scalars(select(WebhookDelivery))
        assert (delivery.state, delivery.event.job_id) == (DeliveryState.PENDING, SUCCEEDED)
        assert session.get_one(WebhookEndpoint, delivery.endpoint_id).url == "https://example.com/done"


def test_votes_and_labels_are_read_as_before(migrated: Database) -> None:
    with migrated.read() as session:
        first, second = session.scalars(select(Face.id).order_by(Face.x))
        votes = [*list_votes(session, reviewer="ana"), *list_votes(session, reviewer="ben")]
        assert {(vote.face_id, vote.reviewer, vote.choice) for vote in votes} == {
            (first, "ana", VoteChoice.HAPPY),
            (second, "ana", VoteChoice.NEUTRAL),
            (second, "ben", VoteChoice.NEUTRAL),
        }
        assert not any(vote.is_blind for vote in votes), "reviewers saw every prediction then"
        labels = []
        for face_id in (first, second):
            item, _ = get_review(session, face_id)
            assert item.subject is not None
            assert item.slice is ReviewSlice.UNCERTAIN
            labels.append((item.subject.label, item.closed_at is not None))
        assert labels == [(VoteChoice.HAPPY, True), (VoteChoice.NEUTRAL, True)]


def test_runs_and_versions_are_read_as_before(migrated: Database) -> None:
    with migrated.read() as session:
        waiting, promoted = training_runs.list_runs(session)
        assert (waiting.status, promoted.status) == (TrainingRunStatus.QUEUED, TrainingRunStatus.PROMOTED)
        assert (promoted.reason, promoted.dataset_sha256) == ("better by 1 point", "d" * 64)
        champion, challenger = model_versions.get_champion(session), model_versions.get_challenger(session)
        assert champion is not None
        assert challenger is not None
        assert (champion.number, champion.name, challenger.number) == (2, "second", 1)
        assert promoted.challenger_id == champion.id
        assert [move.reason for move in model_versions.list_promotions(session)] == ["better by 1 point", "the first"]


def test_users_keys_and_the_audit_log_are_read_as_before(migrated: Database) -> None:
    with migrated.read() as session:
        assert [(user.name, user.role) for user in users.list_users(session)] == [
            ("ana", Role.ADMINISTRATOR),
            ("ben", Role.REVIEWER),
        ]
        key = api_keys.find_key(session, KEY)
        assert key is not None
        assert (key.application.name, set(key.scopes)) == ("shop", {Scope.SUBMIT, Scope.REVIEW})
        events = list_audit_events(session, AuditFilter(), limit=100)
        assert [event.action for event in events][-3:] == ["user.create", "user.create", "key.create"]
        assert len(events) == 13
        assert session.scalar(select(func.count()).select_from(Job)) == 4
