from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import update

from db.core import queues
from db.core.types import utcnow
from db.core.vocabulary import TrainingRunStatus, TrainingTrigger
from db.training_runs import lifecycle as runs
from db.training_runs.tables import TrainingRun
from tests.support.factories.actors import ANA
from worker.core import messages
from worker.core.app import make_celery
from worker.core.messages import send_run
from worker.core.services import Services
from worker.housekeeping.sweeper import look_after_runs


@pytest.fixture(autouse=True)
def queue(services: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let messages go to this test's queue; the module's own application has the settings of the environment."""
    app = make_celery(services.settings)
    monkeypatch.setattr(messages, "app", app)
    yield
    app.close()


def start(services: Services, sent_s_ago: float = 0) -> UUID:
    with services.database.write() as session:
        run_id = runs.create_run(session, TrainingTrigger.COMMAND, ANA).id
        session.execute(update(TrainingRun).values(sent_at=utcnow() - timedelta(seconds=sent_s_ago)))
        return run_id


def read(services: Services, run_id: UUID) -> TrainingRun:
    with services.database.read() as session:
        return runs.get_run(session, run_id)


def count_messages(services: Services) -> int:
    return int(services.redis.llen(queues.TRAINING_QUEUE))


def test_a_run_whose_message_was_lost_is_sent_anew_once(services: Services) -> None:
    run_id = start(services, sent_s_ago=3600)
    for _ in range(2):
        look_after_runs(services)
    assert count_messages(services) == 1
    assert utcnow() - (read(services, run_id).sent_at or utcnow()) < timedelta(minutes=1)


def test_a_run_whose_message_waits_is_left_alone(services: Services) -> None:
    run_id = start(services, sent_s_ago=3600)
    assert send_run(run_id)
    look_after_runs(services)
    assert count_messages(services) == 1


def test_a_run_that_was_just_sent_is_given_time(services: Services) -> None:
    start(services)
    look_after_runs(services)
    assert count_messages(services) == 0


def test_a_run_of_a_silent_worker_is_queued_and_sent_at_once(services: Services) -> None:
    run_id = start(services)
    with services.database.write() as session:
        runs.claim_run(session, run_id, "w", lease_s=-1)
    look_after_runs(services)
    assert read(services, run_id).status is TrainingRunStatus.QUEUED
    assert count_messages(services) == 1


def test_a_run_of_a_living_worker_is_left_alone(services: Services) -> None:
    run_id = start(services, sent_s_ago=3600)
    with services.database.write() as session:
        runs.claim_run(session, run_id, "w", lease_s=60)
    look_after_runs(services)
    assert read(services, run_id).status is TrainingRunStatus.RUNNING
    assert count_messages(services) == 0
