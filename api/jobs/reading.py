"""Reads jobs that the caller may see, at once or after they have changed."""

import re
from collections.abc import Callable, Iterable
from time import monotonic
from urllib.request import parse_http_list
from uuid import UUID

from pydantic import Field

from api.core.authentication import Caller
from api.core.errors import Problem
from api.core.fields import TextFields
from api.core.services import Services
from db import tables
from db.core.rows import make_object, relate
from db.core.vocabulary import TERMINAL_STATUSES, Scope
from db.jobs import queries as job_queries
from db.reviews.result_views import record_result_views


class WaitQuery(TextFields):
    """How long to hold the request."""

    wait: float = Field(
        default=0,
        ge=0,
        allow_inf_nan=False,
        description="Seconds to hold the request until something changes. The service may answer sooner.",
        examples=[10],
    )


def has_ended(job: tables.Job) -> bool:
    """Return whether the job has ended."""
    return job.status in TERMINAL_STATUSES


def read_visible_job(services: Services, caller: Caller, job_id: UUID) -> tables.Job:
    """Return the job with its faces. Raises Problem `not_found`, also for a job that the caller may not see."""
    with services.database.look_up() as connection:
        job = job_queries.get_job(connection, job_id, caller.visible_application_id)
    if job is None:
        raise Problem("not_found", f"there is no job {job_id}")
    return job


def name_application(job: tables.Job, caller: Caller) -> tables.Job:
    """A job that the caller has just submitted, as read_visible_job would read it, without asking the database. Returns it."""
    named = {"id": caller.application_id, "name": caller.application_name}
    return relate(job, application=make_object(tables.Application, named))


def record_seen(services: Services, caller: Caller, job_ids: Iterable[UUID]) -> None:
    """Record that a signed-in reviewer saw the predictions for the jobs' faces, so that their votes on them aren't blind.

    Nothing is recorded for applications. They declare by `blind` of `POST /v1/reviews/next` what they show to reviewers.
    """
    if caller.is_user and Scope.REVIEW in caller.scopes:
        record_result_views(services.database, job_ids, caller.actor)


def wait_for_job(
    services: Services, caller: Caller, job_id: UUID, is_enough: Callable[[tables.Job], bool], wait_s: float
) -> tables.Job:
    """Return the job as soon as it `is_enough`, or in its state after `wait_s` seconds (at most settings.max_wait_s).

    Raises Problem `not_found`, also if the job is erased meanwhile.
    """
    if wait_s <= 0:
        return read_visible_job(services, caller, job_id)
    with services.waiter.listen([job_id]) as changes:
        deadline = changes.keep_deadline(monotonic() + min(wait_s, services.settings.max_wait_s))
        is_last = changes.is_over
        while True:
            job = read_visible_job(services, caller, job_id)
            if is_last or is_enough(job):
                return job
            is_last = not changes.wait(deadline)


def read_preferred_wait(prefer: str | None) -> int:
    """Return the seconds of `Prefer: wait=N` (RFC 7240), or 0. A malformed preference counts as absent.

    Names are case-insensitive, parameters after a semicolon are ignored, and the first of two values counts.
    """
    for preference in parse_http_list(prefer or ""):
        name, _, value = preference.partition(";")[0].partition("=")
        if name.strip().lower() == "wait":
            found = re.fullmatch(r'"?([0-9]{1,6})"?', value.strip())
            return int(found[1]) if found else 0
    return 0
