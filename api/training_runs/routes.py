"""Training runs: start, follow and cancel them."""

from http import HTTPStatus
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, has_request_context, url_for
from pydantic import BaseModel, Field

from api.core.authentication import get_caller, needs_scope, protect
from api.core.field_types import Id, Time
from api.core.fields import JsonBody, RowId, TextFields
from api.core.openapi import describe_errors
from api.core.paging import read_page
from api.core.responses import respond
from api.core.services import get_services
from api.training_runs.start import find_dataset_files, start_training_run
from db import tables
from db.core.actors import ActorKind
from db.core.vocabulary import Scope, TrainingRunStatus, TrainingTrigger
from db.training_runs import corrections, plan
from db.training_runs import lifecycle as training_runs
from db.training_runs.documents import GateReport, RunAudit, RunOptions, RunProgress
from db.training_runs.plan import RunPlan

blueprint = APIBlueprint("training_runs", __name__, url_prefix="/v1/training-runs", tag="Training")
protect(blueprint)

_POLL_AFTER_S = 2


class NewRun(JsonBody):
    """Options of a run that override the settings."""

    from_scratch: bool = Field(default=False, description="Start from new weights instead of the champion's.")
    epochs: int | None = Field(default=None, ge=1, le=1000, description="Default: the service's setting.")


class PageQuery(TextFields):
    """Page of the list."""

    limit: int = Field(default=20, ge=1, le=100, description="Maximum number of runs per page.")
    cursor: RowId | None = Field(default=None, description="Cursor of the page, taken from `next`.")


class PlanQuery(TextFields):
    """Options of the planned run."""

    from_scratch: bool = Field(default=False, description="Whether the run would start from new weights.")


class TrainingRun(BaseModel):
    """A training run: its data, its progress, and the result of the gate."""

    id: Id
    url: str = Field(examples=["/v1/training-runs/0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d"])
    status: TrainingRunStatus = Field(
        description="`queued`, `running`, `promoted`, `rejected`, `failed` or `canceled`.",
        examples=["running"],
    )
    trigger: TrainingTrigger = Field(examples=["schedule"])
    actor: str = Field(description="Who started it.", examples=["beat"])
    actor_kind: ActorKind | None = Field(
        description="Kind of the actor; null if it isn't known.",
        examples=["system"],
    )
    options: RunOptions
    created_at: Time
    started_at: Time | None
    finished_at: Time | None
    attempt: int = Field(description="Number of attempts so far.", examples=[1])
    is_cancel_requested: bool = Field(examples=[False])
    dataset_sha256: str | None = Field(description="Digest of the CSV's rows.")
    audit: RunAudit | None = Field(
        description="Audit of the dataset and the corrections, and the run's plan. Null until the run has read them."
    )
    corrections: dict[str, int] = Field(
        description="Reviewers' labels: how many are used in training, and how many were left out, by reason.",
        examples=[{"used": 310, "too_small": 42, "like_holdout": 1}],
    )
    champion: int | None = Field(description="The champion that the challenger is compared with.", examples=[1])
    progress: RunProgress | None = Field(description="Progress; null until the run has started.")
    challenger: int | None = Field(description="The version that the run made, in service or not.", examples=[2])
    gate: GateReport | None = Field(
        description="The gate's checks, and the versions' metrics. Null until it is decided."
    )
    reason: str | None = Field(description="Why it ended as it did.")
    error_code: str | None = Field(description="Error code, if it failed.", examples=["dataset_invalid"])
    error_detail: str | None = Field(description="Error message, if it failed.")


class TrainingRunPage(BaseModel):
    """A page of runs, newest first."""

    items: list[TrainingRun]
    next: str | None = Field(description="Address of the next page; null on the last one.")


@blueprint.post("")
@needs_scope(Scope.ADMIN)
@blueprint.input(NewRun, location="json", arg_name="wanted")
@blueprint.output(TrainingRun, status_code=HTTPStatus.ACCEPTED, description="The run waits for the training worker.")
@blueprint.doc(
    summary="Start a training run",
    description="Trains on the configured dataset and the reviewers' labels. Needs the scope `admin`.",
    responses=describe_errors("scope_missing", "training_run_active", "retraining_impossible", "invalid_request"),
)
def create_run(wanted: NewRun) -> Response:
    """Start a run, unless one is queued or running."""
    started = start_training_run(TrainingTrigger.API, get_caller().actor, **wanted.model_dump())
    shown = _read(started.run.id)
    response = respond(shown, HTTPStatus.ACCEPTED)
    response.headers["Location"] = shown.url
    response.headers["Retry-After"] = str(_POLL_AFTER_S)
    return response


@blueprint.get("")
@blueprint.input(PageQuery, location="query", arg_name="query")
@blueprint.output(TrainingRunPage, description="A page of runs.")
@blueprint.doc(summary="List training runs", responses=describe_errors("invalid_request"))
def list_runs(query: PageQuery) -> Response:
    """List runs, newest first."""
    with get_services().database.read() as session:
        found = read_page(lambda limit: training_runs.list_runs(session, limit=limit, before=query.cursor), query.limit)
        shown = [run_to_schema(run, corrections.count_corrections(session, run.id)) for run in found.rows]
    return respond(TrainingRunPage(items=shown, next=found.make_next_url(".list_runs")))


@blueprint.get("/plan")
@blueprint.input(PlanQuery, location="query", arg_name="query")
@blueprint.output(RunPlan, description="What a run would do now.")
@blueprint.doc(
    summary="Plan a training run",
    description="Returns what a run would train on, what it would compare, and whether its result could be promoted. Starts "
    "nothing.",
    responses=describe_errors("retraining_impossible", "invalid_request"),
)
def plan_run(query: PlanQuery) -> Response:
    """Plan a run without starting it."""
    services = get_services()
    with services.database.read() as session:
        found = plan.plan_run(session, find_dataset_files(), from_scratch=query.from_scratch)
    return respond(found)


@blueprint.get("/<uuid:run_id>")
@blueprint.output(TrainingRun, description="The run.")
@blueprint.doc(
    summary="Read a training run",
    description="Its progress is updated about every two seconds.",
    responses=describe_errors("unknown_training_run"),
)
def read_run(run_id: UUID) -> Response:
    """Read one run."""
    return respond(_read(run_id))


@blueprint.post("/<uuid:run_id>/cancel")
@needs_scope(Scope.ADMIN)
@blueprint.output(TrainingRun, description="The run. A running one stops after its current step.")
@blueprint.doc(
    summary="Cancel a training run",
    description="Needs the scope `admin`.",
    responses=describe_errors("scope_missing", "unknown_training_run", "training_run_ended"),
)
def cancel_run(run_id: UUID) -> Response:
    """Cancel a run."""
    with get_services().database.write() as session:
        training_runs.cancel_run(session, run_id, get_caller().actor)
    return respond(_read(run_id))


def _read(run_id: UUID) -> TrainingRun:
    with get_services().database.read() as session:
        run = training_runs.get_run(session, run_id)
        return run_to_schema(run, corrections.count_corrections(session, run_id))


def _make_url(run_id: UUID) -> str:
    """Return the API's path of a run. Commands have no request, and so no prefix of a proxy."""
    if not has_request_context():
        return f"{blueprint.url_prefix}/{run_id}"
    return url_for("training_runs.read_run", run_id=run_id)


def run_to_schema(run: tables.TrainingRun, run_corrections: dict[str, int]) -> TrainingRun:
    """Convert a run to its API schema. Call it while the run's session is open."""
    return TrainingRun(
        id=run.id,
        url=_make_url(run.id),
        status=run.status,
        trigger=run.trigger,
        actor=run.actor,
        actor_kind=run.known_actor_kind,
        options=RunOptions.read(run.options),
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        attempt=run.attempt,
        is_cancel_requested=run.cancel_requested_by is not None,
        dataset_sha256=run.dataset_sha256,
        audit=None if run.audit is None else RunAudit.read(run.audit),
        corrections=run_corrections,
        champion=run.champion.number if run.champion else None,
        progress=None if run.progress is None else RunProgress.read(run.progress),
        challenger=run.challenger.number if run.challenger else None,
        gate=None if run.gate is None else GateReport.read(run.gate),
        reason=run.reason,
        error_code=run.error_code,
        error_detail=run.error_detail,
    )
