"""Recipients of events."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier
from uuid import UUID, uuid4

from sqlalchemy import select, update

from db.accounts import api_keys
from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import DeliveryState, TrainingTrigger
from db.jobs import erasure
from db.jobs import lifecycle as jobs
from db.jobs.batches import RefusedPhoto, create_batch, finish_batch, take_positions
from db.model_versions import actions as model_versions
from db.training_runs import lifecycle as training_runs
from db.webhooks.deliveries import AttemptResult, list_due, record_attempt, replay_failed
from db.webhooks.tables import WebhookDelivery, WebhookEndpoint, WebhookEvent
from tests.support.factories.actors import ANA
from tests.support.factories.jobs import add_job
from tests.support.factories.model_versions import make_manifest
from tests.support.factories.webhooks import add_endpoint, cancel, list_deliveries


def list_events(database: Database) -> list[WebhookEvent]:
    with database.read() as session:
        return list(session.scalars(select(WebhookEvent).order_by(WebhookEvent.id)))


def test_an_event_that_nobody_wants_is_not_stored(database: Database) -> None:
    add_endpoint(database, "job.failed")
    add_endpoint(database, application="rival")
    cancel(database, add_job(database, "shop"))
    assert list_events(database) == []


def test_an_event_is_stored_once_for_all_who_want_it(database: Database) -> None:
    first, second = add_endpoint(database), add_endpoint(database, "job.canceled")
    job_id = add_job(database, "shop", callback_url="https://example.org/")
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
    job_id = add_job(database, "shop")
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
        refused = [RefusedPhoto(4, None, "not_a_picture", "text")]
        take_positions(session, batch_id, 5, refused, is_new=True)
    job_ids = [add_job(database, "shop", batch_id=batch_id, batch_position=position) for position in range(4)]
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
            version = model_versions.add_version(session, "a", str(number) * 64, make_manifest())
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
    job_id = add_job(database, "shop", callback_url="https://example.org/")
    cancel(database, job_id)
    with database.write() as session:
        erasure.erase_job(session, job_id)
    assert (list_events(database), list_deliveries(database)) == ([], [])
    with database.read() as session:
        assert [each.job_id for each in session.scalars(select(WebhookEndpoint))] == [None]


def test_what_failed_is_replayed_and_nothing_else(database: Database) -> None:
    endpoint_id = add_endpoint(database, "job.canceled")
    began = utcnow()
    statuses = {"taken": 204, "failed": 410, "taken at last": 500}
    for status in statuses.values():
        cancel(database, add_job(database, "shop"))
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
