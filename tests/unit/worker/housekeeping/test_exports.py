"""Exports in the housekeeper: one at a time, and none lost when the store is unavailable."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from db.accounts import api_keys
from db.core.actors import Actor
from db.core.blobs import BlobStore, BlobStoreUnavailable
from db.core.types import utcnow
from db.core.vocabulary import ExportFormat, ExportRows, JobStatus
from db.exports.actions import create_export, make_export_key
from db.exports.tables import Export
from db.jobs.queries import JobFilter
from worker.core.services import Services
from worker.housekeeping import exports as module
from worker.housekeeping.exports import look_after_exports, write

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def announced(services: Services, monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    told: list[UUID] = []
    monkeypatch.setattr(services, "announce", told.append)
    services.settings.data_dir.mkdir(exist_ok=True)
    return told


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    messages: list[UUID] = []
    monkeypatch.setattr(module, "send_export", messages.append)
    return messages


@pytest.fixture(autouse=True)
def _place_is_given_back() -> Iterator[None]:
    """Whatever became of an export, the next one can be written."""
    yield
    assert module._place.acquire(blocking=False)
    module._place.release()


def ask(services: Services) -> UUID:
    with services.database.write() as session:
        application_id = api_keys.ensure_application(session, "shop").id
        wanted = (JobFilter(), ExportRows.JOBS, ExportFormat.CSV)
        return create_export(session, application_id, *wanted, actor=Actor.application("shop")).id


def read(services: Services, export_id: UUID) -> Export | None:
    with services.database.read() as session:
        return session.get(Export, export_id)


def read_status(services: Services, export_id: UUID) -> JobStatus | None:
    export = read(services, export_id)
    return export.status if export is not None else None


def expire(services: Services, export_id: UUID) -> None:
    with services.database.write() as session:
        session.get_one(Export, export_id).expires_at = utcnow() - timedelta(seconds=1)


def test_a_written_export_is_kept_for_its_time_and_told_once(services: Services, announced: list[UUID]) -> None:
    services.settings = services.settings.model_copy(update={"export_retention_s": 3600})
    export_id = ask(services)
    for _ in range(2):  # the second message has nothing to do
        write(services, export_id)
    export = read(services, export_id)
    assert export is not None
    assert (export.status, services.blobs.has(make_export_key(export_id))) == (JobStatus.SUCCEEDED, True)
    assert export.expires_at is not None
    assert timedelta(minutes=50) < export.expires_at - utcnow() <= timedelta(hours=1)
    assert announced == [export_id]


def test_while_one_is_written_another_waits(services: Services, announced: list[UUID]) -> None:
    export_id = ask(services)
    with module._place:
        write(services, export_id)
        assert read_status(services, export_id) is JobStatus.QUEUED
    write(services, export_id)
    assert read_status(services, export_id) is JobStatus.SUCCEEDED
    assert announced == [export_id]


def test_an_export_that_can_not_be_stored_is_tried_again_when_its_lease_is_over(
    services: Services, announced: list[UUID], sent: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    def be_away(_store: BlobStore, _key: str, _path: Path) -> None:
        raise BlobStoreUnavailable("away")

    export_id = ask(services)
    with monkeypatch.context() as patch:
        patch.setattr(BlobStore, "put_file", be_away)
        write(services, export_id)
    assert (read_status(services, export_id), announced) == (JobStatus.RUNNING, [])
    look_after_exports(services)
    assert sent == []
    with services.database.write() as session:
        session.get_one(Export, export_id).lease_expires_at = utcnow()
    look_after_exports(services)
    assert sent == [export_id]
    write(services, export_id)
    assert (read_status(services, export_id), announced) == (JobStatus.SUCCEEDED, [export_id])


def test_a_folder_that_is_gone_stops_no_housekeeper(services: Services, announced: list[UUID]) -> None:
    export_id = ask(services)
    services.settings.data_dir.rmdir()
    write(services, export_id)
    assert (read_status(services, export_id), announced) == (JobStatus.RUNNING, [])


def test_a_fault_gives_the_place_back_too(
    services: Services, announced: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    def be_wrong(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(module, "write_export", be_wrong)
    with pytest.raises(ZeroDivisionError):
        write(services, ask(services))


def test_the_first_that_waits_is_sent_and_those_whose_time_is_over_are_deleted(
    services: Services, announced: list[UUID], sent: list[UUID]
) -> None:
    over, kept = ask(services), ask(services)
    for export_id in (over, kept):
        write(services, export_id)
    expire(services, over)
    waiting = [ask(services) for _ in range(2)]
    look_after_exports(services)
    assert sent == waiting[:1]
    assert (read(services, over), read_status(services, kept)) == (None, JobStatus.SUCCEEDED)
    assert [services.blobs.has(make_export_key(export_id)) for export_id in (over, kept)] == [False, True]


def test_a_file_that_can_not_be_deleted_keeps_its_row_and_no_other_from_going(
    services: Services, announced: list[UUID], sent: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = ask(services), ask(services)
    for export_id in (first, second):
        write(services, export_id)
        expire(services, export_id)
    delete = BlobStore.delete

    def delete_others(store: BlobStore, key: str) -> None:
        if key == make_export_key(first):
            raise BlobStoreUnavailable("away")
        delete(store, key)

    with monkeypatch.context() as patch:
        patch.setattr(BlobStore, "delete", delete_others)
        look_after_exports(services)
    assert (read_status(services, first), read(services, second)) == (JobStatus.SUCCEEDED, None)
    look_after_exports(services)
    assert read(services, first) is None
