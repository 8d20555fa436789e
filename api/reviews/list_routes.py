"""Lists for reviews: labels, disagreements, reports, and the activity of reviewers."""

from datetime import timedelta
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from api.core.authentication import needs_scope, protect
from api.core.field_types import Time
from api.core.fields import RowId, TextFields
from api.core.openapi import describe_errors
from api.core.paging import read_page
from api.core.responses import respond
from api.core.services import get_services
from api.jobs.options import Unset
from api.reviews.schemas import Vote, vote_to_schema
from db.core.types import utcnow
from db.core.vocabulary import Emotion, ReportKind, Scope, VoteChoice
from db.reviews.disagreements import list_disagreements as find_disagreements
from db.reviews.labels import list_labels as find_labels
from db.reviews.progress import list_progress
from db.reviews.reports import list_all_reports

blueprint = APIBlueprint("review_lists", __name__, url_prefix="/v1/reviews", tag="Reviews")
protect(blueprint, Scope.REVIEW)

PROGRESS_WINDOW = timedelta(days=30)


class PageFields(TextFields):
    """Cursor and length of a page."""

    limit: int = Field(default=50, ge=1, le=200, description="Maximum number of items per page.")
    cursor: RowId | Unset = Field(default=None, description="Cursor of the page, taken from `next`.")


class LabelQuery(PageFields):
    """Which labels to list."""

    label: VoteChoice | Unset = Field(default=None, description="Only faces with this label.", examples=["sad"])
    is_blind: bool | Unset = Field(default=None, description="Only faces with, or without, a label by blind votes.")


class Label(BaseModel):
    """A face's label, combined over all analyses of its photo."""

    id: UUID = Field(examples=["0197a2b4-0000-7000-8000-000000000000"])
    photo_sha256: str = Field(examples=["9f86d081884c7d659a2feaa0c55ad015" * 2])
    x: int = Field(description="The bounding box, in pixels of the upright photo.", examples=[120])
    y: int = Field(examples=[40])
    width: int = Field(examples=[96])
    height: int = Field(examples=[96])
    label: VoteChoice = Field(examples=["sad"])
    blind_label: VoteChoice | None = Field(description="The label by blind votes only; null without such votes.")
    vote_count: int = Field(description="Current votes, without skips.", examples=[2])
    labeled_at: Time | None


class LabelPage(BaseModel):
    """A page of labels, newest face first."""

    items: list[Label]
    next: str | None = Field(description="Address of the next page; null on the last one.")


class ReviewDisagreement(BaseModel):
    """A face whose votes give no label."""

    id: UUID = Field(examples=["0197a2b4-0000-7000-8000-000000000000"])
    face_id: UUID = Field(examples=["0197a2b4-0000-7000-8000-000000000001"])
    job_id: UUID = Field(examples=["0197a2b4-0000-7000-8000-000000000002"])
    emotion: Emotion = Field(description="The predicted emotion.", examples=["sad"])
    confidence: float = Field(examples=[0.61])
    votes: list[Vote]


class DisagreementPage(BaseModel):
    """A page of disagreements, newest face first."""

    items: list[ReviewDisagreement]
    next: str | None = Field(description="Address of the next page; null on the last one.")


class PhotoReport(BaseModel):
    """A missed face or a wrong box. The box is null if the reporter gave none."""

    id: UUID
    job_id: UUID
    face_id: UUID | None
    kind: ReportKind = Field(examples=["missed_face"])
    x: int | None
    y: int | None
    width: int | None
    height: int | None
    note: str = Field(examples=["behind the post"])
    actor: str = Field(examples=["ana"])
    at: Time


class PhotoReportPage(BaseModel):
    """A page of reports, newest first."""

    items: list[PhotoReport]
    next: str | None = Field(description="Address of the next page; null on the last one.")


class Progress(BaseModel):
    """Votes of one reviewer in the last 30 days."""

    reviewer: str = Field(examples=["ben"])
    votes: int = Field(description="Current votes.", examples=[412])
    today: int = Field(description="Of these, cast today (UTC).", examples=[31])
    skips: int = Field(examples=[4])
    blind: int = Field(examples=[80])
    shared: int = Field(description="Votes on faces with a label that others voted on too.", examples=[44])
    agreed: int = Field(description="Of these, votes that agree with the label.", examples=[40])
    latest_at: Time


class ProgressList(BaseModel):
    """Every reviewer, most votes first."""

    items: list[Progress]


@blueprint.get("/labels")
@blueprint.input(LabelQuery, location="query", arg_name="query")
@blueprint.output(LabelPage, description="A page of labels.")
@blueprint.doc(
    summary="List what reviewers decided",
    description="Covers faces of every application, so it needs the scope `review`. Faces with "
    "a `blind_label` can serve as an evaluation set.",
    responses=describe_errors("scope_missing", "invalid_request"),
)
def list_labels(query: LabelQuery) -> Response:
    """List labels."""
    with get_services().database.read() as session:
        found = read_page(
            lambda limit: find_labels(
                session, limit=limit, label=query.label, is_blind=query.is_blind, before=query.cursor
            ),
            query.limit,
        )
    items = [Label.model_validate(row, from_attributes=True) for row in found.rows]
    return respond(LabelPage(items=items, next=found.make_next_url(".list_labels")))


@blueprint.get("/disagreements")
@needs_scope(Scope.ADMIN)
@blueprint.input(PageFields, location="query", arg_name="query")
@blueprint.output(DisagreementPage, description="A page of disagreements.")
@blueprint.doc(
    summary="List faces on which reviewers disagree",
    description="Needs the scope `admin`, because it shows who voted what.",
    responses=describe_errors("scope_missing", "invalid_request"),
)
def list_disagreements(query: PageFields) -> Response:
    """List disagreements."""
    with get_services().database.read() as session:
        found = read_page(
            lambda limit: find_disagreements(session, limit=limit, before=query.cursor),
            query.limit,
            lambda each: each.subject.id,
        )
        items = [
            ReviewDisagreement(
                id=each.subject.id,
                face_id=each.face.id,
                job_id=each.face.job_id,
                emotion=each.face.emotion,
                confidence=each.face.confidence,
                votes=[vote_to_schema(vote) for vote in each.votes],
            )
            for each in found.rows
        ]
    return respond(DisagreementPage(items=items, next=found.make_next_url(".list_disagreements")))


@blueprint.get("/reports")
@blueprint.input(PageFields, location="query", arg_name="query")
@blueprint.output(PhotoReportPage, description="A page of reports.")
@blueprint.doc(
    summary="List missed faces and wrong boxes that were reported",
    description="Covers photos of every application, so it needs the scope `review`.",
    responses=describe_errors("scope_missing", "invalid_request"),
)
def list_reports(query: PageFields) -> Response:
    """List reports."""
    with get_services().database.read() as session:
        found = read_page(lambda limit: list_all_reports(session, limit=limit, before=query.cursor), query.limit)
    items = [PhotoReport.model_validate(row, from_attributes=True) for row in found.rows]
    return respond(PhotoReportPage(items=items, next=found.make_next_url(".list_reports")))


@blueprint.get("/progress")
@blueprint.output(ProgressList, description="Every reviewer who voted in the last 30 days.")
@blueprint.doc(summary="What each reviewer did lately", responses=describe_errors("scope_missing"))
def list_reviewers() -> Response:
    """List the reviewers of the last 30 days with their votes."""
    now = utcnow()
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    with get_services().database.read() as session:
        rows = list_progress(session, since=now - PROGRESS_WINDOW, today=today)
    return respond(ProgressList(items=[Progress.model_validate(row, from_attributes=True) for row in rows]))
