"""The services of test keys: one database apart from the real one, jobs that end by themselves, and nothing kept for long."""

import threading
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest

from api.core.services import Services
from api.test_mode.scenarios import Scenario
from api.test_mode.services import TestMode, TestServices
from db.core.actors import Actor
from db.core.blobs import BlobMissing, make_photo_key
from db.core.keys import first_key
from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import JobStatus
from db.jobs import batches
from db.jobs import lifecycle as jobs
from db.jobs.queries import count_jobs
from db.model_versions import actions as model_versions
from db.tables import Application, Job
from tests.support.factories.jobs import make_new_job
from tests.support.waiting import wait_until

ACTOR = Actor.application("shop")
QUICK = Scenario(delay_s=0, emotions=())


@pytest.fixture
def mode() -> Iterator[TestMode]:
    opened = TestMode()
    yield opened
    opened.close()


@pytest.fixture
def application_id() -> UUID:
    return uuid4()


@pytest.fixture
def tests(mode: TestMode, services: Services, application_id: UUID) -> TestServices:
    return mode.open(services, application_id, "shop")


def add_job(tests: TestServices, application_id: UUID, age_s: float = 0, **more: object) -> UUID:
    """age_s: how long ago it was submitted, which its id tells."""
    job_id = UUID(int=first_key(utcnow(), -age_s).int | uuid4().int >> 80)
    tests.blobs.put(make_photo_key(job_id), b"x")
    with tests.database.write() as session:
        jobs.create_job(session, make_new_job(application_id, id=job_id, width=64, height=48, **more), ACTOR)
    return job_id


def read(tests: TestServices, job_id: UUID) -> Job | None:
    with tests.database.read() as session:
        return session.get(Job, job_id)


def test_database_and_photos_lie_apart_from_what_is_real(
    tests: TestServices, services: Services, database: Database, application_id: UUID
) -> None:
    job_id = add_job(tests, application_id)
    with database.read() as session:
        assert count_jobs(session)[JobStatus.QUEUED] == 0
        assert session.get(Application, application_id) is None
        assert model_versions.get_champion(session) is None
    with pytest.raises(BlobMissing):
        services.blobs.get(make_photo_key(job_id), "0" * 64)
    with tests.database.read() as session:
        champion = model_versions.get_champion(session)
        assert champion is not None
        assert champion.name == "test"


def test_all_applications_share_one_database_and_are_told_apart_by_id(
    tests: TestServices, mode: TestMode, services: Services, application_id: UUID
) -> None:
    other = uuid4()
    assert mode.open(services, other, "shop") is tests  # an application that was deleted may have had the same name
    assert mode.open(services, application_id, "renamed") is tests
    with tests.database.read() as session:
        names = {session.get_one(Application, each).name for each in (application_id, other)}
    assert names == {str(application_id), str(other)}


def test_a_release_finds_what_an_earlier_process_left(
    tests: TestServices, services: Services, application_id: UUID
) -> None:
    job_id = add_job(tests, application_id)
    later = TestMode()
    again = later.open(services, application_id, "shop")
    assert read(again, job_id) is not None
    with again.database.read() as session:
        assert len(model_versions.list_versions(session)) == 1
    later.close()


def test_a_job_that_is_sent_ends_by_itself_as_the_scenario_says(
    tests: TestServices, application_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[UUID] = []
    monkeypatch.setattr(tests.waiter, "announce", told.append)
    succeeded, failed = add_job(tests, application_id), add_job(tests, application_id)
    assert tests._play(succeeded, QUICK)
    assert tests._play(failed, Scenario(delay_s=0, failed="broken_picture"))
    wait_until(lambda: set(told) == {succeeded, failed}, "both ends are announced", timeout_s=20)
    done, ended = read(tests, succeeded), read(tests, failed)
    assert done is not None
    assert ended is not None
    assert (done.status, done.face_count, ended.status) == (JobStatus.SUCCEEDED, 0, JobStatus.FAILED)
    assert (ended.error_code, ended.error_detail) == ("broken_picture", "a test: broken_picture")


def test_a_job_that_never_ends_waits_and_one_that_was_canceled_stays_so(
    tests: TestServices, application_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, canceled = add_job(tests, application_id), add_job(tests, application_id)
    with monkeypatch.context() as patch:
        patch.delattr("threading.Timer")  # nothing is planned
        assert tests._play(waiting, Scenario(delay_s=None))
    with tests.database.write() as session:
        jobs.cancel_job(session, canceled, actor=ACTOR, detail="")
    tests._end(canceled, QUICK)
    assert [job.status for job in (read(tests, waiting), read(tests, canceled)) if job] == ["queued", "canceled"]


def test_the_end_of_a_job_and_its_batch_is_announced(
    tests: TestServices, application_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[UUID] = []
    monkeypatch.setattr(tests.waiter, "announce", told.append)
    batch_id = uuid4()
    with tests.database.write() as session:
        batches.create_batch(session, batch_id, application_id, is_open=False)
    job_id = add_job(tests, application_id, batch_id=batch_id, batch_position=0)
    tests._end(job_id, QUICK)
    assert told == [job_id, batch_id]


def test_what_is_older_than_a_day_is_erased_and_no_more_often_than_each_minute(
    tests: TestServices, mode: TestMode, application_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    day_s = 24 * 3600
    old, young, waiting = (add_job(tests, application_id, age_s) for age_s in (day_s + 60, day_s - 60, day_s + 60))
    for job_id in (old, young):
        tests._end(job_id, QUICK)
    mode.forget_old()
    assert [read(tests, job_id) is None for job_id in (old, young, waiting)] == [True, False, False]
    with pytest.raises(BlobMissing):
        tests.blobs.get(make_photo_key(old), "0" * 64)
    mode.kept_s = day_s - 120
    mode.forget_old()
    assert read(tests, young) is not None
    monkeypatch.setattr(mode, "_next_purge", 0.0)
    mode.forget_old()
    assert read(tests, young) is None


def test_before_the_first_test_key_there_is_nothing_to_erase_or_close() -> None:
    mode = TestMode()
    mode.forget_old()
    mode.close()


def test_closing_waits_for_a_job_that_is_ending_and_stops_those_that_are_not(mode: TestMode) -> None:
    ended: list[str] = []
    has_begun, may_end = threading.Event(), threading.Event()

    def end_slowly() -> None:
        has_begun.set()
        may_end.wait(5)
        ended.append("slow")

    mode.call_later(0, end_slowly)
    mode.call_later(0.2, lambda: ended.append("late"))
    assert has_begun.wait(5)
    threading.Timer(0.4, may_end.set).start()
    mode.close()
    assert ended == ["slow"]
