"""An export is written once, by one housekeeper at a time, and leaves nothing behind when it is deleted."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update

from db.accounts import api_keys
from db.accounts.audit_log import list_audit_events
from db.core.blobs import BlobMissing, BlobStore, BlobStoreUnavailable
from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import Emotion, ExportFormat, ExportRows, JobStatus
from db.exports import actions
from db.exports.actions import (
    MOST_ACTIVE,
    ExportTooLarge,
    TooManyExports,
    UnknownExport,
    create_export,
    delete_export,
    find_export,
    list_expired_exports,
    list_exports,
    list_waiting_exports,
    make_export_key,
    stream_rows,
    write_export,
)
from db.exports.tables import Export
from db.jobs.queries import JobFilter
from db.webhooks.tables import WebhookEvent
from tests.support.factories.actors import ANA
from tests.support.factories.analyses import Analyses
from tests.support.factories.webhooks import add_endpoint

ALL = JobFilter()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "exports"
    path.mkdir()
    return path


@pytest.fixture
def write(database: Database, blob_store: BlobStore, folder: Path) -> Callable[[UUID], Export | None]:
    return lambda export_id: write_export(database, blob_store, export_id, folder, retention_s=3600)


def ask(database: Database, wanted: JobFilter = ALL, rows: ExportRows = ExportRows.JOBS, name: str = "test") -> UUID:
    with database.write() as session:
        application_id = api_keys.ensure_application(session, name).id
        return create_export(session, application_id, wanted, rows, ExportFormat.CSV, actor=ANA).id


def read(database: Database, export_id: UUID) -> Export:
    with database.read() as session:
        return find_export(session, export_id, None)


def change(database: Database, export_id: UUID, **values: object) -> None:
    with database.write() as session:
        session.execute(update(Export).where(Export.id == export_id).values(**values))


def test_an_export_is_written_with_its_digest_and_its_end_is_told(
    database: Database, blob_store: BlobStore, analyses: Analyses, write: Callable[[UUID], Export | None], folder: Path
) -> None:
    add_endpoint(database, "export.finished", application="test")
    for _ in range(3):
        analyses.store((Emotion.HAPPY, 0.7), (Emotion.SAD, 0.6))
    export_id = ask(database, rows=ExportRows.FACES)
    with database.read() as session:
        assert list_waiting_exports(session, 10) == [export_id]
    done = write(export_id)
    assert done is not None
    assert (done.status, done.attempt, done.jobs_total, done.jobs_done, done.row_count) == (
        JobStatus.SUCCEEDED,
        1,
        3,
        3,
        6,
    )
    data = b"".join(blob_store.stream(make_export_key(export_id)))
    assert (done.byte_count, done.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert data.count(b"\r\n") == 7
    assert done.expires_at is not None
    assert timedelta(minutes=59) < done.expires_at - utcnow() <= timedelta(hours=1)
    assert list(folder.iterdir()) == []
    assert write(export_id) is None  # once
    with database.read() as session:
        assert list_waiting_exports(session, 10) == []
        [event] = session.scalars(select(WebhookEvent))
        assert (event.type, event.data["row_count"], event.data["status"]) == ("export.finished", 6, "succeeded")


def test_the_filter_counts_as_it_was_when_it_was_asked_for(
    database: Database, analyses: Analyses, write: Callable[[UUID], Export | None]
) -> None:
    analyses.store((Emotion.HAPPY, 0.7))
    analyses.store((Emotion.SAD, 0.7))
    done = write(ask(database, JobFilter(emotion=Emotion.SAD)))
    assert done is not None
    assert (done.jobs_total, done.row_count) == (1, 1)


def test_an_application_has_only_so_many_under_way(database: Database, write: Callable[[UUID], Export | None]) -> None:
    made = [ask(database) for _ in range(MOST_ACTIVE)]
    with pytest.raises(TooManyExports):
        ask(database)
    ask(database, name="rival")
    write(made[0])
    ask(database)


def test_exports_are_found_and_listed_within_an_application(database: Database) -> None:
    first, second, rival = ask(database), ask(database), ask(database, name="rival")
    with database.read() as session:
        mine = session.get_one(Export, first).application_id
        assert [each.id for each in list_exports(session, mine, limit=9)] == [second, first]
        assert [each.id for each in list_exports(session, None, limit=1)] == [rival]
        assert [each.id for each in list_exports(session, mine, limit=9, before=second)] == [first]
        assert find_export(session, first, mine).id == first
        for export_id in (rival, uuid4()):
            with pytest.raises(UnknownExport):
                find_export(session, export_id, mine)
        assert find_export(session, rival, None).id == rival


def test_one_that_is_in_hand_is_left_alone_until_its_writer_went_silent(
    database: Database, write: Callable[[UUID], Export | None]
) -> None:
    export_id = ask(database)
    change(database, export_id, status=JobStatus.RUNNING, attempt=1, lease_expires_at=utcnow() + timedelta(minutes=1))
    assert write(export_id) is None
    with database.read() as session:
        assert list_waiting_exports(session, 10) == []
    change(database, export_id, lease_expires_at=utcnow() - timedelta(seconds=1))
    with database.read() as session:
        assert list_waiting_exports(session, 10) == [export_id]
    done = write(export_id)
    assert done is not None
    assert (done.status, done.attempt) == (JobStatus.SUCCEEDED, 2)


def test_one_whose_writers_all_went_silent_fails_and_says_so(
    database: Database, write: Callable[[UUID], Export | None]
) -> None:
    add_endpoint(database, "export.finished", application="test")
    export_id = ask(database)
    change(database, export_id, status=JobStatus.RUNNING, attempt=3, lease_expires_at=utcnow() - timedelta(seconds=1))
    assert write(export_id) is None
    failed = read(database, export_id)
    assert (failed.status, failed.error_code, failed.lease_expires_at) == (JobStatus.FAILED, "worker_lost", None)
    with database.read() as session:
        [event] = session.scalars(select(WebhookEvent))
        assert (event.data["status"], event.data["error_code"], event.data["row_count"]) == (
            "failed",
            "worker_lost",
            None,
        )


def test_a_writer_that_lost_its_lease_writes_nothing_any_more(
    database: Database,
    blob_store: BlobStore,
    analyses: Analyses,
    write: Callable[[UUID], Export | None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    analyses.store((Emotion.HAPPY, 0.7))
    export_id = ask(database)

    def take_over(*_: Any, **__: Any) -> Iterator[Any]:
        change(database, export_id, attempt=2)
        return iter(())

    monkeypatch.setattr(actions, "read_pages", take_over)
    assert write(export_id) is None
    assert (read(database, export_id).status, read(database, export_id).attempt) == (JobStatus.RUNNING, 2)
    with pytest.raises(BlobMissing):
        blob_store.stream(make_export_key(export_id))


def test_a_store_that_is_away_leaves_it_to_be_tried_again(
    database: Database, write: Callable[[UUID], Export | None], monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    def fail(*_: object) -> None:
        raise BlobStoreUnavailable("the store is away")

    export_id = ask(database)
    with monkeypatch.context() as patch:
        patch.setattr(BlobStore, "put_file", fail)
        with pytest.raises(BlobStoreUnavailable):
            write(export_id)
    assert read(database, export_id).status is JobStatus.RUNNING
    assert list(folder.iterdir()) == []
    change(database, export_id, lease_expires_at=utcnow() - timedelta(seconds=1))
    assert write(export_id) is not None


def test_deleting_takes_the_file_too_and_is_logged_once(
    database: Database, blob_store: BlobStore, write: Callable[[UUID], Export | None]
) -> None:
    export_id = ask(database)
    write(export_id)
    for _ in range(2):
        delete_export(database, blob_store, export_id, actor=ANA)
    with pytest.raises(BlobMissing):
        blob_store.stream(make_export_key(export_id))
    with database.read() as session:
        assert [event.action for event in list_audit_events(session)] == ["export.delete", "export.create"]
        with pytest.raises(UnknownExport):
            find_export(session, export_id, None)


def test_one_that_is_deleted_while_its_file_is_stored_leaves_no_file(
    database: Database, blob_store: BlobStore, write: Callable[[UUID], Export | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    export_id = ask(database)
    put = BlobStore.put_file

    def delete_meanwhile(self: BlobStore, key: str, path: Path) -> None:
        delete_export(database, blob_store, export_id, actor=ANA)
        put(self, key, path)

    monkeypatch.setattr(BlobStore, "put_file", delete_meanwhile)
    assert write(export_id) is None
    with pytest.raises(BlobMissing):
        blob_store.stream(make_export_key(export_id))


def test_what_is_expired_is_listed(database: Database, write: Callable[[UUID], Export | None]) -> None:
    old, new = ask(database), ask(database)
    for export_id in (old, new):
        write(export_id)
    change(database, old, expires_at=utcnow())
    with database.read() as session:
        assert list_expired_exports(session, 10) == [old]


def test_too_much_is_refused_before_the_first_piece(database: Database, analyses: Analyses) -> None:
    for _ in range(2):
        analyses.store((Emotion.HAPPY, 0.7))
    pieces = stream_rows(database, ALL, ExportRows.JOBS, ExportFormat.JSONL, 2)
    assert b"".join(pieces).count(b"\n") == 2
    with pytest.raises(ExportTooLarge):
        stream_rows(database, ALL, ExportRows.JOBS, ExportFormat.JSONL, 1)
