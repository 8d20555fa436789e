"""Bulk actions of the job list: download with its filters; retry, cancel or erase several jobs."""

from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from uuid import UUID

from flask import Blueprint, Response, abort, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from api.core.services import get_services
from api.jobs.pages import JOBS_A_PAGE, JobSearch, show_list
from api.web.forms import FieldRefused, refills, show_once
from api.web.queries import read_query
from api.web.site import RoleMissing, get_person, needs
from db import tables
from db.core.errors import DomainError
from db.core.vocabulary import ExportFormat, ExportRows, Role
from db.exports.actions import stream_rows
from db.exports.writing import MEDIA_TYPES
from db.jobs import actions
from db.jobs.queries import get_job

blueprint = Blueprint("chosen_jobs", __name__, url_prefix="/jobs")


class Download(JobSearch):
    """Query of the download links: the list's filters and the file's format."""

    rows: ExportRows = ExportRows.JOBS
    format: ExportFormat = ExportFormat.CSV


class ChosenAction(StrEnum):
    """An action on several jobs."""

    RETRY = "retry"
    CANCEL = "cancel"
    ERASE = "erase"


_DONE = {
    ChosenAction.RETRY: "submitted again",
    ChosenAction.CANCEL: "canceled",
    ChosenAction.ERASE: "erased with photo, crops and all rows",
}


@blueprint.get("/download")
@needs(Role.VIEWER)
def download() -> Response:
    """Download the listed jobs, or their faces, as a file. Raises ExportTooLarge."""
    asked, services = read_query(Download, request.args), get_services()
    pieces = stream_rows(
        services.database, asked.to_filter(), asked.rows, asked.format, services.settings.export_stream_jobs
    )
    response = Response(pieces, content_type=MEDIA_TYPES[asked.format])
    response.headers["Content-Disposition"] = f'attachment; filename="{asked.rows}.{asked.format}"'
    return response


@blueprint.post("/chosen")
@needs(Role.REVIEWER)
@refills(show_list)
def change_chosen() -> AnyResponse:
    """Apply the action to each chosen job, and say how many succeeded and why the others didn't."""
    try:
        action = ChosenAction(request.form.get("action", ""))
        chosen = [UUID(given) for given in request.form.getlist("job_id")][:JOBS_A_PAGE]
    except ValueError:
        abort(422, "The form isn't one of this page.")
    if not chosen:
        raise FieldRefused("job_id", "Choose the jobs first.")
    if action is ChosenAction.ERASE and get_person().role is not Role.ADMINISTRATOR:
        raise RoleMissing(Role.ADMINISTRATOR)
    refusals: Counter[str] = Counter()
    for job_id in chosen:
        with get_services().database.read() as session:
            job = get_job(session, job_id)
        try:
            if job is None:
                refusals["it was erased"] += 1
            else:
                _DO[action](job)
        except DomainError as error:
            refusals[error.public_detail] += 1
    search = read_query(JobSearch, request.args)
    back = redirect(url_for("pages.jobs.show_list", **search.model_dump(exclude_none=True)), 303)
    return show_once(back, said=_describe(_DONE[action], len(chosen) - refusals.total(), refusals))


def _describe(done: str, count: int, refusals: Counter[str]) -> str:
    sentences = [f"{_count(count)} {done}."]
    sentences += [f"{_count(number)} not {done.partition(' ')[0]}: {reason}." for reason, number in refusals.items()]
    return " ".join(sentences)


def _count(count: int) -> str:
    return "1 job was" if count == 1 else f"{count} jobs were"


def _retry(job: tables.Job) -> None:
    actions.retry_job(get_services().jobs, job, actor=get_person().actor, is_owner=False)


def _cancel(job: tables.Job) -> None:
    actions.cancel_job(get_services().jobs, job, actor=get_person().actor, is_owner=False)


def _erase(job: tables.Job) -> None:
    actions.erase_job(get_services().jobs, job, actor=get_person().actor)


_DO: dict[ChosenAction, Callable[[tables.Job], None]] = {
    ChosenAction.RETRY: _retry,
    ChosenAction.CANCEL: _cancel,
    ChosenAction.ERASE: _erase,
}
