"""Shadow mode and comparison of versions."""

from http import HTTPStatus
from typing import Literal
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from api.core.authentication import get_caller, needs_scope, protect
from api.core.fields import JsonBody, Number, Reason, TextFields
from api.core.openapi import describe_errors, describe_response
from api.core.responses import respond
from api.core.services import get_services
from api.model_versions.assessment_view import assess_versions
from api.model_versions.routes import ModelVersion, find_model_version, model_version_to_schema
from db.core.vocabulary import Emotion, Scope, VoteChoice
from db.model_versions import actions as model_versions
from db.model_versions import shadow
from db.model_versions.assessment import Answer as AssessmentAnswer
from db.model_versions.assessment import Assessment, Method
from db.model_versions.comparison import AnswerComparison, compare_answers
from db.model_versions.shadow import NoChallenger
from db.model_versions.shadow_comparison import compare_live

blueprint = APIBlueprint("challenger", __name__, url_prefix="/v1/model-versions", tag="Model versions")
protect(blueprint)

_MOST_DIFFERENCES = 200
_MOST_LISTED = 10_000


class NewChallenger(JsonBody):
    """Which version to run in shadow mode, and why."""

    model_version: Number = Field(description="Number of the version.", examples=[2])
    reason: Reason = Field(examples=["see how it does on this month's photos"])


class Answer(BaseModel):
    """One version's prediction for a face."""

    emotion: Emotion = Field(examples=["sad"])
    confidence: float = Field(examples=[0.61])


class VersionDifference(BaseModel):
    """A face that two versions classified differently."""

    face_id: UUID = Field(examples=["0197a2b4-0000-7000-8000-000000000000"])
    first: Answer
    second: Answer
    label: VoteChoice | None = Field(description="The face's label; null if there is none.")


class AnswersCompared(BaseModel):
    """How often two versions agree on the same faces."""

    shared: int = Field(description="Faces that both versions classified.", examples=[1200])
    same: int = Field(description="Faces on which both agree.", examples=[1104])
    first_right: int = Field(
        description="Of the faces on which they differ, those of the random slice where the first agrees with the label.",
        examples=[9],
    )
    second_right: int = Field(description="The same for the second.", examples=[14])
    p_value: float | None = Field(
        description="p-value of an exact two-sided McNemar test on `first_right` and `second_right`: the probability of a split "
        "at least as uneven if both versions were equally good. Null if both are 0.",
        examples=[0.405],
    )
    differences: list[VersionDifference] = Field(description="Some of the faces where they differ, at most `limit`.")


class DatasetCompared(BaseModel):
    """Accuracy of two versions on the same faces of a dataset."""

    dataset: str = Field(
        description="`live` and `reviewed` are faces of this service; others are `split/truth` and evaluation sets.",
        examples=["PublicTest/ferplus"],
    )
    faces: int = Field(examples=[3372])
    first: float = Field(description="Accuracy, 0 to 1.", examples=[0.812])
    second: float = Field(examples=[0.84])
    gain: float = Field(description="`second` minus `first`.", examples=[0.028])
    low: float = Field(description="Lower end of the gain's 95 % interval.", examples=[0.009])
    high: float = Field(examples=[0.046])
    p_value: float = Field(description="Two-sided.", examples=[0.003])
    test: Method = Field(
        description="`mcnemar` is exact. `two_shares` is conservative, because it ignores that both classified the same faces."
    )
    counts: bool = Field(description="Whether it is used in the assessment.", examples=[True])


class VersionAssessment(BaseModel):
    """Whether the second version is better than the first."""

    answer: AssessmentAnswer = Field(examples=["better"])
    decided_by: str | None = Field(
        description="The first dataset that shows a difference; null if none does.", examples=["PublicTest/ferplus"]
    )
    datasets: list[DatasetCompared] = Field(description="The first of these counts most.")


class VersionComparison(BaseModel):
    """Comparison of two versions on the same faces."""

    first: int = Field(examples=[1])
    second: int = Field(examples=[2])
    assessment: VersionAssessment
    live: AnswersCompared = Field(
        description="Faces that one version classified for the job and the other in shadow mode."
    )
    reviewed: AnswersCompared = Field(
        description="Faces that reviewers labeled and whose photo was analysed under both versions."
    )


class ListedDifference(VersionDifference):
    """A differing face, and how both predictions came about."""

    seen_in: Literal["live", "reviewed"] = Field(
        description=(
            "`live`: one version classified the face for the job, the other in shadow mode. `reviewed`: the photo was analysed by "
            "both."
        )
    )


class DifferenceList(BaseModel):
    """Faces that two versions classified differently: at most 10,000 live ones, then as many reviewed ones."""

    items: list[ListedDifference]


class ComparisonOptions(TextFields):
    """How many faces to list."""

    limit: int = Field(
        default=24, ge=0, le=_MOST_DIFFERENCES, description="Maximum number of differing faces of each kind."
    )


@blueprint.get("/challenger")
@blueprint.output(ModelVersion, description="The challenger.")
@blueprint.doc(summary="Read the version in shadow mode", responses=describe_errors("no_challenger"))
def read_challenger() -> Response:
    """Read the version in shadow mode."""
    with get_services().database.read() as session:
        challenger = model_versions.get_challenger(session)
        if challenger is None:
            raise NoChallenger("no version runs in shadow mode")
        return respond(model_version_to_schema(session, challenger))


@blueprint.put("/challenger")
@needs_scope(Scope.ADMIN)
@blueprint.input(NewChallenger, location="json", arg_name="wanted")
@blueprint.output(ModelVersion, description="It was the challenger already.")
@blueprint.doc(
    summary="Run a version in shadow mode",
    description=(
        "Workers also classify every live face with it, after the job's result is stored, so that applications neither wait for "
        "it nor see its predictions. It replaces the current challenger. Needs the scope `admin`."
    ),
    responses=describe_errors("scope_missing", "unknown_model_version", "already_in_service", "invalid_request"),
)
def set_challenger(wanted: NewChallenger) -> Response:
    """Make a version the challenger."""
    with get_services().database.write() as session:
        version = find_model_version(session, wanted.model_version)
        shadow.start_shadow(session, version, get_caller().actor, wanted.reason)
        return respond(model_version_to_schema(session, version))


@blueprint.delete("/challenger")
@needs_scope(Scope.ADMIN)
@blueprint.doc(
    summary="End shadow mode",
    description="The challenger's predictions are kept for comparison. Needs the scope `admin`.",
    responses={
        **describe_response(HTTPStatus.NO_CONTENT, "Shadow mode has ended."),
        **describe_errors("scope_missing", "no_challenger"),
    },
)
def end_shadow() -> Response:
    """End shadow mode."""
    with get_services().database.write() as session:
        shadow.stop_shadow(session, get_caller().actor)
    return Response(status=HTTPStatus.NO_CONTENT)


@blueprint.get("/<int:first>/compare/<int:second>")
@needs_scope(Scope.REVIEW, or_user=True)
@blueprint.input(ComparisonOptions, location="query", arg_name="options")
@blueprint.output(VersionComparison, description="The comparison.")
@blueprint.doc(
    summary="Compare two versions on the faces that both classified",
    description="`assessment` says whether the second is better. Accuracy is measured on faces drawn at random, each once, that "
    "have blind votes and that no version was trained on. Other reviewed faces were selected because the version in service "
    "was uncertain, which would underestimate it. `differences` come from all faces. Covers faces of every application, so "
    "it needs the scope `review`.",
    responses=describe_errors("scope_missing", "unknown_model_version", "invalid_request"),
)
def compare_versions(first: int, second: int, options: ComparisonOptions) -> Response:
    """Compare two versions, and list the faces that they classified differently."""
    with get_services().database.read() as session:
        one, other = find_model_version(session, first), find_model_version(session, second)
        shown = VersionComparison(
            first=first,
            second=second,
            assessment=_show_assessment(assess_versions(session, one, other)),
            live=_show(compare_live(session, one, other, limit=options.limit)),
            reviewed=_show(compare_answers(session, first, second, limit=options.limit)),
        )
    return respond(shown)


@blueprint.get("/<int:first>/compare/<int:second>/differences")
@needs_scope(Scope.REVIEW, or_user=True)
@blueprint.output(DifferenceList, description="The faces.")
@blueprint.doc(
    summary="List the faces that two versions classified differently",
    description="Covers faces of every application, so it needs the scope `review`.",
    responses=describe_errors("scope_missing", "unknown_model_version"),
)
def list_differences(first: int, second: int) -> Response:
    """List the faces that two versions classified differently."""
    with get_services().database.read() as session:
        one, other = find_model_version(session, first), find_model_version(session, second)
        live = compare_live(session, one, other, limit=_MOST_LISTED)
        reviewed = compare_answers(session, first, second, limit=_MOST_LISTED)
    found = [ListedDifference(**dict(each), seen_in="live") for each in _show(live).differences]
    found += [ListedDifference(**dict(each), seen_in="reviewed") for each in _show(reviewed).differences]
    return respond(DifferenceList(items=found))


def _show_assessment(assessment: Assessment) -> VersionAssessment:
    return VersionAssessment(
        answer=assessment.answer,
        decided_by=assessment.decided_by.dataset if assessment.decided_by else None,
        datasets=[
            DatasetCompared(
                dataset=each.dataset,
                faces=each.faces,
                first=each.old,
                second=each.new,
                gain=each.gain,
                low=each.low,
                high=each.high,
                p_value=each.p_value,
                test=each.method,
                counts=each.counts,
            )
            for each in assessment.datasets
        ],
    )


def _show(comparison: AnswerComparison) -> AnswersCompared:
    return AnswersCompared(
        shared=comparison.shared,
        same=comparison.same,
        first_right=comparison.first_right,
        second_right=comparison.second_right,
        p_value=comparison.p_value,
        differences=[
            VersionDifference(
                face_id=difference.face_id,
                first=Answer(emotion=difference.first, confidence=difference.first_confidence),
                second=Answer(emotion=difference.second, confidence=difference.second_confidence),
                label=difference.label,
            )
            for difference in comparison.differences
        ],
    )
