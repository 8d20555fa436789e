"""Who is told of what happens."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update

from db.accounts import api_keys
from db.core.actors import Actor
from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import DeliveryState, TrainingTrigger
from db.jobs import erasure
from db.jobs import lifecycle as jobs
from db.jobs.batches import create_batch, finish_batch, take_positions
from db.jobs.lifecycle import NewJob
from db.model_versions import actions as model_versions
from db.training_runs import lifecycle as training_runs
from db.webhooks.deliveries import AttemptResult, list_due, record_attempt, replay_failed
from db.webhooks.endpoints import AddressRules, create_endpoint
from db.webhooks.errors import RefusedEndpointUrl, TooManyEndpoints
from db.webhooks.event_types import EVENT_TYPES, SUBSCRIBABLE
from db.webhooks.old_callbacks import adopt_callbacks
from db.webhooks.retention import forget_events
from db.webhooks.tables import Callback, WebhookDelivery, WebhookEndpoint, WebhookEvent

ANA = Actor.user("ana")
RULES = AddressRules(allows_private=False, ports=[range(443, 444)])


def add_endpoint(database: Database, *events: str, application: str = "shop") -> UUID:
    with database.write() as session:
        owner = api_keys.ensure_application(session, application)
        return create_endpoint(session, owner, "https://example.com/", events or SUBSCRIBABLE, RULES, ANA).id


def add_job(database: Database, application: str = "shop", **more: object) -> UUID:
    with database.write() as session:
        new = NewJob(
            id=uuid4(), application_id=api_keys.ensure_application(session, application).id, photo_key="photos/x",
            photo_sha256="0" * 64, photo_bytes=1, media_type="image/png", width=1, height=1, photo_retention_s=1,
            max_attempts=1, **more,
        )  # fmt: skip
        return jobs.create_job(session, new, ANA).id


def cancel(database: Database, job_id: UUID) -> None:
    with database.write() as session:
        jobs.cancel_job(session, job_id, ANA)


def list_events(database: Database) -> list[WebhookEvent]:
    with database.read() as session:
        return list(session.scalars(select(WebhookEvent).order_by(WebhookEvent.id)))


def list_deliveries(database: Database) -> list[WebhookDelivery]:
    with database.read() as session:
        return list(session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id)))


def test_an_event_that_nobody_wants_is_not_stored(database: Database) -> None:
    add_endpoint(database, "job.failed")
    add_endpoint(database, application="rival")
    cancel(database, add_job(database))
    assert list_events(database) == []


def test_an_event_is_stored_once_for_all_who_want_it(database: Database) -> None:
    first, second = add_endpoint(database), add_endpoint(database, "job.canceled")
    job_id = add_job(database, callback_url="https://example.org/")
    cancel(database, job_id)
    (event,) = list_events(database)
    assert (event.type, event.job_id, event.data["id"]) == ("job.canceled", job_id, str(job_id))
    deliveries = list_deliveries(database)
    assert {each.event_id for each in deliveries} == {event.id}
    assert [each.endpoint.job_id for each in deliveries] == [None, None, job_id]
    assert {each.endpoint_id for each in deliveries} >= {first, second}


def test_the_calls_are_asked_for_after_the_commit_alone(database: Database) -> None:
    add_endpoint(database)
    asked: list[UUID] = []
    database.send_deliveries = asked.extend
    job_id = add_job(database)
    with suppress(ZeroDivisionError), database.write() as session:
        jobs.cancel_job(session, job_id, ANA)
        raise ZeroDivisionError
    assert asked == []
    cancel(database, job_id)
    assert asked == [each.id for each in list_deliveries(database)]


def test_a_batch_fires_once_when_its_last_job_ends(database: Database) -> None:
    add_endpoint(database, "batch.finished")
    batch_id = uuid4()
    with database.write() as session:
        owner = api_keys.ensure_application(session, "shop")
        create_batch(session, batch_id, owner.id, is_open=False)
        refused = [{"position": 4, "filename": None, "code": "not_a_picture", "detail": "text"}]
        take_positions(session, batch_id, 5, refused, is_new=True)
    job_ids = [add_job(database, batch_id=batch_id, batch_position=position) for position in range(4)]
    for job_id in job_ids[:2]:
        cancel(database, job_id)
        assert not finish_batch(database, batch_id)
    assert list_events(database) == []
    both_read = Barrier(2)

    def end(job_id: UUID) -> None:
        both_read.wait()
        cancel(database, job_id)
        finish_batch(database, batch_id)

    with ThreadPoolExecutor() as pool:
        list(pool.map(end, job_ids[2:]))
    (event,) = list_events(database)
    assert (event.batch_id, event.data["canceled"], event.data["refused"]) == (batch_id, 4, 1)


def test_promotions_and_training_runs_are_told_to_every_application(database: Database) -> None:
    add_endpoint(database, "model_version.promoted", "training_run.finished")
    add_endpoint(database, "model_version.promoted", application="rival")
    with database.write() as session:
        for number in (1, 2):
            version = model_versions.add_version(
                session, "a", str(number) * 64, {"schema_version": 2, "architecture": "report"}
            )
            model_versions.promote(session, version, ANA, "better")
        run = training_runs.create_run(session, TrainingTrigger.API, ANA)
        training_runs.cancel_run(session, run.id, ANA)
    first, second, ended = list_events(database)
    assert first.data == {"number": 1, "previous": None, "reason": "better"}
    assert second.data == {"number": 2, "previous": 1, "reason": "better"}
    assert (ended.data["id"], ended.data["status"]) == (str(run.id), "canceled")
    assert len(list_deliveries(database)) == 5


def test_erasing_a_job_erases_its_events_and_deliveries(database: Database) -> None:
    add_endpoint(database)
    job_id = add_job(database, callback_url="https://example.org/")
    cancel(database, job_id)
    with database.write() as session:
        erasure.erase_job(session, job_id)
    assert (list_events(database), list_deliveries(database)) == ([], [])
    with database.read() as session:
        assert [each.job_id for each in session.scalars(select(WebhookEndpoint))] == [None]


def test_old_events_are_forgotten_with_the_endpoints_of_their_jobs(database: Database) -> None:
    add_endpoint(database, "job.canceled")
    cancel(database, add_job(database, callback_url="https://example.org/"))
    with database.write() as session:
        assert forget_events(session, 3600, 10) == 0
        assert forget_events(session, -1, 10) == 1
    assert list_deliveries(database) == []
    with database.read() as session:
        assert [each.job_id for each in session.scalars(select(WebhookEndpoint))] == [None]


def test_what_failed_is_replayed_and_nothing_else(database: Database) -> None:
    endpoint_id = add_endpoint(database, "job.canceled")
    began = utcnow()
    statuses = {"taken": 204, "failed": 410, "taken at last": 500}
    for status in statuses.values():
        cancel(database, add_job(database))
        with database.write() as session:
            due = session.scalars(select(WebhookDelivery.id).order_by(WebhookDelivery.id.desc())).first()
            assert due is not None
            record_attempt(
                session,
                due,
                AttemptResult(duration_ms=1, status_code=status, is_final=status == 410),
                max_attempts=2,
                pause_after_s=60,
            )
            session.execute(update(WebhookEndpoint).values(state="active"))
            session.execute(update(WebhookDelivery).values(due_at=began))
    with database.write() as session:
        (second,) = list_due(session, 10)
        record_attempt(session, second, AttemptResult(duration_ms=1, status_code=200), max_attempts=2, pause_after_s=60)
        endpoint = session.get_one(WebhookEndpoint, endpoint_id)
        assert replay_failed(session, endpoint, utcnow(), ANA) == 0
        assert replay_failed(session, endpoint, began, ANA) == 1
        assert replay_failed(session, endpoint, began, ANA) == 0  # it waits for an attempt now
    again = list_deliveries(database)[-1]
    failed = [each for each in list_deliveries(database) if each.status_code == 410]
    assert (again.event_id, again.is_replay, again.state) == (failed[0].event_id, True, DeliveryState.PENDING)


def test_callbacks_of_the_release_before_are_taken_over(database: Database) -> None:
    due, held, done = (add_job(database, callback_url="https://example.org/") for _ in range(3))
    for job_id in (due, held, done):
        cancel(database, job_id)
    with database.write() as session:
        session.execute(WebhookEvent.__table__.delete())
        session.execute(WebhookEndpoint.__table__.delete())
        later = utcnow().replace(year=2100)
        old = [
            Callback(job_id=due, tries=2, last_answer="HTTP 500"),
            Callback(job_id=held, tries=1, next_try_at=later),
            Callback(job_id=done, tries=1, done_at=utcnow(), last_answer="HTTP 204"),
        ]
        session.add_all(old)
    with database.write() as session:
        assert adopt_callbacks(session, 10) == 2
    found = {each.event.job_id: each for each in list_deliveries(database)}
    assert found.keys() == {due, done}
    assert (found[due].attempt, found[due].state, found[due].event_id) == (3, DeliveryState.PENDING, old[0].id)
    assert (found[done].state, found[done].status_code) == (DeliveryState.SUCCEEDED, 204)
    with database.read() as session:
        assert [each.job_id for each in session.scalars(select(Callback))] == [held]


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://[::10.0.0.1]/", "https://example.com:22/", "ftp://a.b/"])
def test_an_address_that_may_not_be_called_is_refused(database: Database, url: str) -> None:
    with pytest.raises(RefusedEndpointUrl), database.write() as session:
        create_endpoint(session, api_keys.ensure_application(session, "shop"), url, SUBSCRIBABLE, RULES, ANA)


def test_an_application_has_so_many_endpoints_and_no_more(database: Database) -> None:
    for _ in range(20):
        add_endpoint(database)
    with pytest.raises(TooManyEndpoints):
        add_endpoint(database)
    add_endpoint(database, application="rival")


def test_the_registry_names_each_type_like_its_entry() -> None:
    assert all(name == kind.name for name, kind in EVENT_TYPES.items())
    assert set(SUBSCRIBABLE) >= {"job.succeeded", "batch.finished", "export.finished", "model_version.promoted"}
