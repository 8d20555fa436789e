"""The schedule of training runs. Two beats that fire for the same time start one run, however late either is."""

from datetime import UTC, datetime, timedelta

import structlog
from celery.schedules import crontab

from db.core.actors import Actor
from db.core.types import utcnow
from db.core.vocabulary import TrainingTrigger
from db.training_runs.actions import start_run
from db.training_runs.lifecycle import TrainingRunActive
from db.training_runs.plan import DatasetFiles, PlanImpossible
from worker.core.messages import send_run
from worker.core.services import Services

log = structlog.get_logger(__name__)

_MOST_DAYS = 366 * 40
"""How far back to search: 29 February on a given weekday may be 40 years ago."""


def start_scheduled_run(services: Services) -> None:
    """Start the run of the schedule's latest time, unless it was started, another run is active, or no run is possible."""
    settings = services.settings
    files = DatasetFiles.of(settings.dataset_csv, settings.dataset_votes)
    slot = find_latest_moment(settings.effective_retrain_schedule, utcnow())
    try:
        start_run(services.database, send_run, files, TrainingTrigger.SCHEDULE, Actor.system("beat"), slot=slot)
    except (PlanImpossible, TrainingRunActive) as error:
        log.info("run_not_started", reason=str(error))


def find_latest_moment(schedule: str, now: datetime) -> datetime:
    """Return the latest time of a cron schedule that isn't after `now`, to the minute, in UTC.

    Raises ValueError for an invalid schedule, or one without any time.
    """
    fields = crontab.from_string(schedule)
    now = now.astimezone(UTC).replace(second=0, microsecond=0)
    for days in range(_MOST_DAYS):
        day = (now - timedelta(days=days)).replace(hour=0, minute=0)
        if (
            day.month not in fields.month_of_year
            or day.day not in fields.day_of_month
            or day.isoweekday() % 7 not in fields.day_of_week
        ):
            continue
        moments = (
            day.replace(hour=hour, minute=minute)
            for hour in sorted(fields.hour, reverse=True)
            for minute in sorted(fields.minute, reverse=True)
        )
        latest = next((moment for moment in moments if moment <= now), None)
        if latest is not None:
            return latest
    raise ValueError(f"the schedule {schedule!r} never comes")
