"""Training runs: all of them, one as it goes, start and cancel."""

from uuid import UUID

from flask import Blueprint, abort, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from api.core.services import get_services
from api.training_runs.run_view import describe_run
from api.training_runs.start import find_dataset_files, start_training_run
from api.web.queries import read_number
from api.web.site import get_person, go, needs
from db.core.vocabulary import Role, TrainingTrigger
from db.training_runs import corrections
from db.training_runs import lifecycle as training_runs
from db.training_runs.plan import PlanImpossible, plan_run
from db.training_runs.states import ACTIVE_STATUSES

blueprint = Blueprint("training", __name__, url_prefix="/training")

_PAGE = 20
_MOST_EPOCHS = 1000


@blueprint.get("")
@needs(Role.VIEWER)
def show_list() -> str:
    """All runs, newest first, and the form that starts one."""
    given = request.args.get("before")
    try:
        before = UUID(given) if given else None
    except ValueError:
        abort(422, "The page begins nowhere.")
    with get_services().database.read() as session:
        found = training_runs.list_runs(session, limit=_PAGE + 1, before=before)
        active = training_runs.get_active_run(session)
        shown = [describe_run(run) for run in found[:_PAGE]]
        try:
            plan = plan_run(session, find_dataset_files()).summary
            is_possible = True
        except PlanImpossible as error:
            plan, is_possible = [f"No run can start: {error}."], False
    older = url_for(".show_list", before=str(shown[-1].run.id)) if len(found) > _PAGE else None
    return render_template(
        "training_runs/list.html", runs=shown, active=active, older=older, plan=plan, is_possible=is_possible
    )


@blueprint.get("/<uuid:run_id>")
@needs(Role.VIEWER)
def show(run_id: UUID) -> str:
    """One run: how far it is, what it is made from, what the gate said."""
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
def start() -> AnyResponse:
    """Start a run."""
    started = start_training_run(
        TrainingTrigger.PAGE,
        get_person().name,
        from_scratch=request.form.get("from_scratch") == "yes",
        epochs=_read_epochs(),
    )
    return go("training.show", run_id=started.run.id, done="run_started")


@blueprint.post("/<uuid:run_id>/cancel")
@needs(Role.ADMINISTRATOR)
def cancel(run_id: UUID) -> AnyResponse:
    """Ask a run to stop."""
    with get_services().database.write() as session:
        training_runs.cancel_run(session, run_id, get_person().name)
    return go("training.show", run_id=run_id, done="run_canceled")


def _read_epochs() -> int | None:
    given = request.form.get("epochs", "").strip()
    if not given:
        return None
    epochs = read_number(given, _MOST_EPOCHS)
    if not epochs:
        abort(422, f"Epochs are a number from 1 to {_MOST_EPOCHS}.")
    return epochs
