"""Pages of training runs: list, progress, start and cancel."""

from typing import Literal
from uuid import UUID

from flask import Blueprint, render_template, request, url_for
from pydantic import Field
from werkzeug.wrappers import Response as AnyResponse

from api.core.fields import RowId
from api.core.paging import read_page
from api.core.services import get_services
from api.training_runs.run_view import describe_run
from api.training_runs.start import find_dataset_files, start_training_run
from api.web.forms import refills, refills_search
from api.web.queries import Query, read_query
from api.web.site import get_person, go, needs
from db.core.vocabulary import Role, TrainingTrigger
from db.training_runs import corrections
from db.training_runs import lifecycle as training_runs
from db.training_runs.plan import PlanImpossible, plan_run
from db.training_runs.states import ACTIVE_STATUSES

blueprint = Blueprint("training", __name__, url_prefix="/training")

_PAGE = 20
_MOST_EPOCHS = 1000


class RunSearch(Query):
    """Cursor of the list of runs."""

    before: RowId | None = None


class RunForm(Query):
    """Fields of the form that starts a run."""

    from_scratch: Literal["yes"] | None = None
    epochs: int | None = Field(default=None, ge=1, le=_MOST_EPOCHS)


@blueprint.get("")
@needs(Role.VIEWER)
@refills_search
def show_list() -> str:
    """Show all runs, newest first, and the form that starts one."""
    before = read_query(RunSearch, request.args).before
    with get_services().database.read() as session:
        found = read_page(lambda limit: training_runs.list_runs(session, limit=limit, before=before), _PAGE)
        active = training_runs.get_active_run(session)
        shown = [describe_run(run) for run in found.rows]
        try:
            plan = plan_run(session, find_dataset_files()).summary
            is_possible = True
        except PlanImpossible as error:
            plan, is_possible = [f"No run can start: {error}."], False
    older = url_for(".show_list", before=found.cursor) if found.has_more else None
    return render_template(
        "training_runs/list.html", runs=shown, active=active, older=older, plan=plan, is_possible=is_possible
    )


@blueprint.get("/<uuid:run_id>")
@needs(Role.VIEWER)
def show(run_id: UUID) -> str:
    """Show one run: progress, data, and the result of the gate."""
    with get_services().database.read() as session:
        run = training_runs.get_run(session, run_id)
        shown = describe_run(run)
        run_corrections = corrections.count_corrections(session, run_id)
    return render_template(
        "training_runs/run.html",
        shown=shown,
        run=run,
        run_corrections=run_corrections,
        is_active=run.status in ACTIVE_STATUSES,
    )


@blueprint.post("")
@needs(Role.ADMINISTRATOR)
@refills(show_list, "start")
def start() -> AnyResponse:
    """Start a run."""
    wanted = read_query(RunForm, request.form)
    started = start_training_run(
        TrainingTrigger.PAGE, get_person().actor, from_scratch=wanted.from_scratch is not None, epochs=wanted.epochs
    )
    return go("training.show", run_id=started.run.id, done="run_started")


@blueprint.post("/<uuid:run_id>/cancel")
@needs(Role.ADMINISTRATOR)
@refills(show)
def cancel(run_id: UUID) -> AnyResponse:
    """Cancel a run; if it is running, ask it to stop."""
    with get_services().database.write() as session:
        training_runs.cancel_run(session, run_id, get_person().actor)
    return go("training.show", run_id=run_id, done="run_canceled")
