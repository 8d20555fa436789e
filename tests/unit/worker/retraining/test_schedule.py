from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from celery import signals
from celery.schedules import crontab

from db.core import queues
from db.core.session import Database
from db.core.vocabulary import TrainingTrigger
from db.training_runs import lifecycle as runs
from emoscope.settings import Settings
from tests.support.factories.actors import ANA
from tests.support.factories.model_versions import add_version
from worker.core import messages
from worker.core.app import make_celery
from worker.core.services import Services
from worker.retraining.schedule import find_latest_moment, start_scheduled_run

NOW = datetime(2026, 11, 24, 12, 34, 56, tzinfo=UTC)  # a Tuesday


def moment(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("0 3 * * 0", moment(2026, 11, 22, 3)),
        ("*/15 * * * *", moment(2026, 11, 24, 12, 30)),
        ("34 12 * * *", moment(2026, 11, 24, 12, 34)),
        ("35 12 * * *", moment(2026, 11, 23, 12, 35)),
        ("0 0 29 2 *", moment(2024, 2, 29)),
        ("0 4 1 */3 *", moment(2026, 10, 1, 4)),
    ],
)
def test_the_latest_moment_is_the_one_that_cron_last_fired_at(schedule: str, expected: datetime) -> None:
    assert find_latest_moment(schedule, NOW) == expected


@pytest.mark.parametrize("schedule", ["0 0 30 2 *", "every now and then", "61 * * * *"])
def test_a_schedule_that_never_comes_is_refused(schedule: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - Celery's own sentences
        find_latest_moment(schedule, NOW)


def test_a_beat_that_is_late_stands_for_the_same_moment() -> None:
    moments = {find_latest_moment("0 3 * * 0", NOW + timedelta(hours=hours)) for hours in range(24)}
    assert len(moments) == 1


def test_beat_starts_the_scheduled_run_when_the_settings_say(settings: Settings) -> None:
    for schedule, is_there in (("30 4 1 * *", True), ("", False)):
        app = make_celery(settings.model_copy(update={"retrain_schedule": schedule}))
        entry = app.conf.beat_schedule.get("retrain")
        assert (entry is not None) == is_there
        if entry is not None:
            assert entry["schedule"] == crontab.from_string(schedule)
            app.loader.import_default_modules()
            assert entry["task"] in app.tasks
            assert app.amqp.router.route({}, entry["task"])["queue"].name == queues.HOUSEKEEPING_QUEUE
        app.close()


def test_beat_knows_sunday_by_the_number_7_too(settings: Settings) -> None:
    app = make_celery(settings.model_copy(update={"retrain_schedule": "0 3 * * 7"}))
    assert app.conf.beat_schedule["retrain"]["schedule"] == crontab.from_string("0 3 * * 0")
    app.close()


def put_in_service(database: Database) -> None:
    add_version(database, "v", is_champion=True)


def test_a_run_on_the_sunday_that_is_7_stands_for_that_moment(services: Services, database: Database) -> None:
    put_in_service(database)
    changes = {"dataset_csv": Path("faces.csv"), "retrain_schedule": "0 3 * * 7"}
    services.settings = services.settings.model_copy(update=changes)
    start_scheduled_run(services)
    with database.read() as session:
        (run,) = runs.list_runs(session)
        assert run.slot is not None
        assert (run.slot.isoweekday(), run.slot.hour) == (7, 3)


def test_a_sweep_outlives_the_calls_that_hold_every_thread(settings: Settings) -> None:
    """Dropped before a thread is free again, no sweep would ever be done while receivers hang."""
    for timeout_s in (10, 120):
        app = make_celery(settings.model_copy(update={"callback_timeout_s": timeout_s}))
        assert app.conf.beat_schedule["sweep"]["options"]["expires"] > timeout_s
        app.close()


def test_beat_asks_for_a_sweep_as_it_starts(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_celery(services.settings)
    monkeypatch.setattr(messages, "app", app)
    app.loader.import_default_modules()
    signals.beat_init.send(sender=None)
    assert services.redis.llen(queues.HOUSEKEEPING_QUEUE) == 1
    app.close()


def test_two_beats_start_one_run(services: Services, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    put_in_service(database)
    app = make_celery(services.settings)
    monkeypatch.setattr(messages, "app", app)
    services.settings = services.settings.model_copy(update={"dataset_csv": Path("faces.csv")})
    for _ in range(2):
        start_scheduled_run(services)
    with database.write() as session:
        (run,) = runs.list_runs(session)
        assert (run.trigger, run.actor) == (TrainingTrigger.SCHEDULE, "beat")
        runs.cancel_run(session, run.id, ANA)
    start_scheduled_run(services)
    with database.read() as session:
        assert len(runs.list_runs(session)) == 1
    assert services.redis.llen(queues.TRAINING_QUEUE) == 1
    app.close()


def test_without_a_dataset_the_schedule_starts_nothing(services: Services, database: Database) -> None:
    put_in_service(database)
    start_scheduled_run(services)
    with database.read() as session:
        assert runs.list_runs(session) == []
