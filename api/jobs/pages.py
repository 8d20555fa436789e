"""Job pages: the list, one job, and the actions on it."""

from typing import Any
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from pydantic import Field
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from api.core.fields import LARGEST_NUMBER, Day, RowId
from api.core.services import get_services
from api.jobs.reading import has_ended
from api.reviews.choice_keys import CHOICE_KEYS
from api.web.forms import FieldRefused, refills, refills_search
from api.web.queries import Query, begin_day, end_day, read_query
from api.web.site import get_person, go, needs
from db import tables
from db.accounts import api_keys
from db.core.vocabulary import Emotion, JobStatus, ReportKind, Role
from db.jobs import actions
from db.jobs import queries as job_queries
from db.jobs.actions import is_photo_kept
from db.jobs.sorting import SORTED_JOBS, JobOrder, list_sorted_jobs
from db.reviews.actions import find_job_id
from db.reviews.reports import create_report, list_reports
from db.reviews.result_views import list_hidden, record_result_views
from db.reviews.subjects import find_labels, find_own_votes
from db.webhooks.deliveries import DeliveryFilter, list_deliveries

blueprint = Blueprint("jobs", __name__, url_prefix="/jobs")

JOBS_A_PAGE = 25
"""Jobs per page of the list."""
FACES_SHOWN = 5
"""Faces shown per job on the list."""
_MOST_DELIVERIES = 50
_UNREADABLE = frozenset({"broken_picture", "not_a_picture"})
"""Error codes of jobs whose photos can't be displayed."""


class JobSearch(Query):
    """Filters of the list's form. Dates are days in UTC; `until` is inclusive."""

    status: JobStatus | None = None
    emotion: Emotion | None = None
    error_code: str | None = Field(default=None, max_length=50)
    application: RowId | None = None
    q: str | None = Field(default=None, max_length=200)
    since: Day | None = None
    until: Day | None = None
    before: RowId | None = None
    sort: JobOrder | None = None
    page: int | None = Field(default=None, ge=1, le=SORTED_JOBS // JOBS_A_PAGE)

    def to_filter(self) -> job_queries.JobFilter:
        """Convert to the database's filter."""
        return job_queries.JobFilter(
            application_id=self.application,
            status=self.status,
            emotion=self.emotion,
            error_code=self.error_code,
            text=self.q,
            created_from=begin_day(self.since) if self.since else None,
            created_before=end_day(self.until) if self.until else None,
        )


@blueprint.get("")
@needs(Role.VIEWER)
@refills_search
def show_list() -> str:
    """Show a page of jobs, newest first."""
    search = read_query(JobSearch, request.args)
    with get_services().database.read() as session:
        counts = get_services().job_counts.read(session)
        found = _list_jobs(session, search)
        hidden = list_hidden(session, [face.id for job in found for face in job.faces[:FACES_SHOWN]])
        applications = api_keys.list_applications(session)
    shown, person = found[:JOBS_A_PAGE], get_person()
    if search.emotion is not None and person.role is not Role.VIEWER:
        # the list, filtered by emotion, shows predictions of these jobs
        record_result_views(get_services().database, [job.id for job in shown], person.name)
    kept: dict[str, Any] = search.model_dump(exclude={"before", "page"}, exclude_none=True)
    place = {"page": (search.page or 1) + 1} if search.sort else {"before": str(shown[-1].id)} if shown else {}
    older = url_for("pages.jobs.show_list", **{**kept, **place}) if len(found) > JOBS_A_PAGE else None
    is_first = not search.before and search.page in {None, 1}
    return render_template(
        "jobs/list.html",
        jobs=shown,
        hidden=hidden,
        faces_shown=FACES_SHOWN,
        search=search,
        applications={application.id: application.name for application in applications},
        statuses=tuple(JobStatus),
        older=older,
        newest=None if is_first else url_for("pages.jobs.show_list", **kept),
        is_first=is_first,
        orders=[order for order in JobOrder if order is not JobOrder.NEWEST],
        sorted_jobs=SORTED_JOBS,
        is_filtered=bool(kept),
        counts=counts,
        kept=kept,
    )


def _list_jobs(session: Session, search: JobSearch) -> list[tables.Job]:
    """List the jobs of a page, and one more if there is one. Without a sort order the cursor is a job, so pages stay stable."""
    limit = JOBS_A_PAGE + 1
    if search.sort is None:
        return job_queries.list_jobs(session, search.to_filter(), limit=limit, before=search.before)
    return list_sorted_jobs(
        session, search.to_filter(), search.sort, limit=limit, offset=((search.page or 1) - 1) * JOBS_A_PAGE
    )


@blueprint.get("/<uuid:job_id>")
@needs(Role.VIEWER)
def show(job_id: UUID) -> str:
    """Show one job: the photo with its faces, their probabilities, the job's events, and the possible actions."""
    job, person = read_job(job_id), get_person()
    if job.faces and person.role is not Role.VIEWER:
        record_result_views(get_services().database, [job_id], person.name)
    with get_services().database.read() as session:
        events = job_queries.list_events(session, job_id)
        application = api_keys.get_application(session, job.application_id)
        face_ids = [face.id for face in job.faces]
        labels = find_labels(session, face_ids)
        own = find_own_votes(session, face_ids, person.name)
        reports = list_reports(session, job_id)
        of_job = DeliveryFilter(job_id=job_id)
        deliveries = list_deliveries(session, of_job, limit=_MOST_DELIVERIES) if has_ended(job) else []
    return render_template(
        "jobs/job.html",
        job=job,
        events=events,
        application=application,
        labels=labels,
        own=own,
        reports=reports,
        choices=CHOICE_KEYS,
        is_kept=is_photo_kept(job),
        is_readable=job.error_code not in _UNREADABLE,
        has_ended=has_ended(job),
        deliveries=deliveries,
        uncertain_below=get_services().settings.uncertain_below,
    )


@blueprint.get("/faces/<uuid:face_id>")
@needs(Role.VIEWER)
def show_face(face_id: UUID) -> AnyResponse:
    """Redirect to the face on its job's page."""
    with get_services().database.read() as session:
        job_id = find_job_id(session, face_id)
    if job_id is None:
        abort(404, "There is no such face, or its job was erased.")
    return redirect(url_for(".show", job_id=job_id, _anchor=f"face-{face_id}"), 302)


@blueprint.post("/<uuid:job_id>/retry")
@needs(Role.REVIEWER)
@refills(show)
def retry(job_id: UUID) -> AnyResponse:
    """Submit the job's photo again."""
    new_id = actions.retry_job(get_services().jobs, read_job(job_id), actor=get_person().actor, is_owner=False)
    return go("jobs.show", job_id=new_id, done="retried")


@blueprint.post("/<uuid:job_id>/cancel")
@needs(Role.REVIEWER)
@refills(show)
def cancel(job_id: UUID) -> AnyResponse:
    """Cancel a job that hasn't ended."""
    actions.cancel_job(get_services().jobs, read_job(job_id), actor=get_person().actor, is_owner=False)
    return go("jobs.show", job_id=job_id, done="canceled")


@blueprint.post("/<uuid:job_id>/erase")
@needs(Role.ADMINISTRATOR)
@refills(show)
def erase(job_id: UUID) -> AnyResponse:
    """Erase a job and everything that belongs to it."""
    actions.erase_job(get_services().jobs, read_job(job_id), actor=get_person().actor)
    return go("jobs.show_list", done="erased")


class ReportForm(Query):
    """A report on a photo's faces. The box has all four numbers or none."""

    kind: ReportKind
    face_id: RowId | None = None
    x: int | None = Field(default=None, ge=0, le=LARGEST_NUMBER)
    y: int | None = Field(default=None, ge=0, le=LARGEST_NUMBER)
    width: int | None = Field(default=None, ge=1, le=LARGEST_NUMBER)
    height: int | None = Field(default=None, ge=1, le=LARGEST_NUMBER)
    note: str = Field(default="", max_length=500)

    def read_box(self) -> tuple[int, int, int, int] | None:
        """Return x, y, width, height. Raises FieldRefused if some are missing."""
        box = (self.x, self.y, self.width, self.height)
        if all(each is None for each in box):
            return None
        x, y, width, height = box
        if x is None or y is None or width is None or height is None:
            raise FieldRefused("x", "Give all four numbers of the box, or none.")
        return x, y, width, height


@blueprint.post("/<uuid:job_id>/reports")
@needs(Role.REVIEWER)
@refills(show, "missed")
def report(job_id: UUID) -> AnyResponse:
    """Report a missed face or a wrong box."""
    given = read_query(ReportForm, request.form)
    job = read_job(job_id)
    with get_services().database.write() as session:
        create_report(
            session,
            job,
            given.kind,
            get_person().actor,
            face_id=given.face_id,
            box=given.read_box(),
            note=given.note,
        )
    return go("jobs.show", job_id=job_id, done="reported")


def read_job(job_id: UUID) -> tables.Job:
    """Return a job of any application, with its faces. Raises NotFound."""
    with get_services().database.read() as session:
        job = job_queries.get_job(session, job_id)
    if job is None:
        abort(404, "There is no such job, or it was erased.")
    return job
