"""Reviews: take faces, cast and undo votes, read the statistics."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response
from pydantic import Field, model_validator
from sqlalchemy.orm import Session

from api.core.authentication import get_caller, protect, require_scope
from api.core.fields import JsonBody, Moment, Number, RowId, TextFields
from api.core.openapi import describe_errors
from api.core.paging import read_page
from api.core.responses import respond
from api.core.services import get_services
from api.jobs.options import Unset
from api.jobs.reading import record_seen
from api.reviews.schemas import (
    ReviewFace,
    ReviewFaceList,
    Statistics,
    Undone,
    Vote,
    VoteList,
    review_to_schema,
    statistics_to_schema,
    vote_to_schema,
)
from db.core.vocabulary import Emotion, Scope, VoteChoice
from db.faces import queries as faces
from db.reviews import actions as reviews
from db.reviews import queue as review_queue
from db.reviews import statistics as review_statistics
from db.reviews.filter import ReviewFilter
from db.reviews.tables import ReviewVote

blueprint = APIBlueprint("reviews", __name__, url_prefix="/v1/reviews", tag="Reviews")
protect(blueprint, Scope.REVIEW)

_MOST_AT_ONCE = 50
_MOST_UNDONE = 10_000


class NextFaces(JsonBody):
    """Which faces to review. Without a filter the queue mixes uncertain faces with faces drawn at random."""

    limit: int = Field(default=1, ge=1, le=_MOST_AT_ONCE, description="Number of faces.")
    exclude: list[RowId] = Field(
        default_factory=list, max_length=_MOST_AT_ONCE, description="Faces that the reviewer has already received."
    )
    emotion: Emotion | None = Field(default=None, description="The predicted emotion.")
    min_confidence: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    max_confidence: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    min_face_px: Number | None = Field(default=None, description="Minimum of the face's shorter side, in pixels.")
    max_face_px: Number | None = Field(default=None)
    model_version: Number | None = Field(default=None, description="The version that classified the face.")
    created_from: Moment | None = Field(default=None, description="Analysed at this time or later.")
    created_before: Moment | None = Field(default=None, description="Analysed before this time.")
    application_id: RowId | None = Field(
        default=None,
        description="Only faces of this application's newest jobs: 2,000, or fewer that hold 5,000 faces.",
    )
    batch_id: RowId | None = Field(default=None)
    job_id: RowId | None = Field(default=None)
    blind: bool = Field(
        default=False,
        description="Declares that reviewers don't see predictions for faces whose `slice` is `random` before they vote. Their "
        "votes are then stored as blind.",
    )


class NewVote(JsonBody):
    """A reviewer's vote on a face."""

    face_id: RowId
    choice: VoteChoice = Field(description="An emotion, `not_a_face`, `ambiguous`, or `skip`.", examples=["sad"])


class Undo(JsonBody):
    """Which votes to undo: some by id, or a reviewer's latest ones."""

    vote_ids: list[RowId] = Field(default_factory=list, max_length=1000)
    last: int | None = Field(default=None, ge=1, le=_MOST_UNDONE, description="Number of the latest current votes.")
    since: Moment | None = Field(
        default=None,
        description="All votes cast at this time or later. Earlier votes that they replaced count again.",
    )
    reviewer: str | None = Field(
        default=None,
        max_length=200,
        description="The reviewer. Default: the caller. Any other needs the scope `admin`.",
    )

    @model_validator(mode="after")
    def _names_votes(self) -> "Undo":
        if sum((bool(self.vote_ids), self.last is not None, self.since is not None)) != 1:
            raise ValueError("give exactly one of vote_ids, last and since")
        return self


class VoteQuery(TextFields):
    """Which votes to list."""

    reviewer: str | Unset = Field(
        default=None,
        max_length=200,
        description="The reviewer. Default: the caller. Any other needs the scope `admin`.",
    )
    since: Moment | Unset = Field(default=None, description="Cast at this time or later.")
    limit: int = Field(default=50, ge=1, le=200, description="Maximum number of votes per page.")
    cursor: RowId | Unset = Field(default=None, description="Cursor of the page, taken from `next`.")


class StatisticsQuery(TextFields):
    """Which faces and votes to count."""

    model_version: Annotated[Number | None, Field(description="Classified by this version.")] = None
    since: Annotated[Moment | None, Field(description="Faces analysed, and votes cast, at this time or later.")] = None


@blueprint.post("/next")
@blueprint.input(NextFaces, location="json", arg_name="wanted")
@blueprint.output(ReviewFaceList, description="The faces, kept from other reviewers for five minutes.")
@blueprint.doc(summary="Take the next faces to review", responses=describe_errors("scope_missing", "invalid_request"))
def take_next(wanted: NextFaces) -> Response:
    """Take faces from the queue. Faces on which the reviewer has voted aren't returned again."""
    services, reviewer = get_services(), get_caller().actor
    given = wanted.model_dump(exclude={"limit", "exclude", "blind"})
    with services.database.write() as session:
        items = review_queue.take_faces(
            session,
            reviewer,
            ReviewFilter(**given),
            limit=wanted.limit,
            exclude=wanted.exclude,
            is_seen=not wanted.blind,
        )
        found = [(item, faces.get_face(session, item.face_id)) for item in items]
    shown = [review_to_schema(item, face, None, services.settings) for item, face in found if face is not None]
    return respond(ReviewFaceList(items=shown))


@blueprint.post("/release")
@blueprint.output({}, status_code=HTTPStatus.NO_CONTENT, description="The faces are back in the queue.")
@blueprint.doc(summary="Give back faces that were taken", responses=describe_errors("scope_missing"))
def release() -> tuple[str, HTTPStatus]:
    """Return faces that the caller took but didn't vote on."""
    with get_services().database.write() as session:
        review_queue.release_faces(session, get_caller().actor)
    return "", HTTPStatus.NO_CONTENT


@blueprint.post("/votes")
@blueprint.input(NewVote, location="json", arg_name="vote")
@blueprint.output(Vote, status_code=HTTPStatus.CREATED, description="The vote, and the resulting label.")
@blueprint.doc(
    summary="Vote on a face",
    description="Replaces the caller's earlier vote on the same face. The face doesn't have to come from the queue.",
    responses=describe_errors("scope_missing", "unknown_face", "invalid_request"),
)
def create_vote(vote: NewVote) -> Response:
    """Store a vote."""
    services = get_services()
    least_votes = services.settings.min_correction_votes
    with services.database.write() as session:
        cast = reviews.cast_vote(session, vote.face_id, get_caller().actor, vote.choice, least_votes=least_votes)
        item, _ = reviews.get_review(session, vote.face_id)
        shown = vote_to_schema(cast, item.subject.label if item.subject else None)
    return respond(shown, HTTPStatus.CREATED)


@blueprint.get("/votes")
@blueprint.input(VoteQuery, location="query", arg_name="query")
@blueprint.output(VoteList, description="Current votes, newest first.")
@blueprint.doc(summary="List your latest votes", responses=describe_errors("scope_missing", "invalid_request"))
def list_votes(query: VoteQuery) -> Response:
    """List the latest votes of the caller, or of another reviewer."""
    caller = get_caller()
    reviewer = query.reviewer or caller.actor
    if reviewer != caller.actor:
        require_scope(Scope.ADMIN)
    with get_services().database.read() as session:
        found = read_page(
            lambda limit: reviews.list_votes(
                session, reviewer=reviewer, since=query.since, limit=limit, before=query.cursor
            ),
            query.limit,
        )
        shown = [vote_to_schema(vote) for vote in found.rows]
    return respond(VoteList(items=shown, next=found.make_next_url(".list_votes")))


@blueprint.post("/undo")
@blueprint.input(Undo, location="json", arg_name="wanted")
@blueprint.output(Undone, description="Number of votes that were undone.")
@blueprint.doc(
    summary="Undo votes",
    description="Undoes one or more votes. If one of them replaced an earlier vote, that vote counts again.",
    responses=describe_errors("scope_missing", "invalid_request"),
)
def undo(wanted: Undo) -> Response:
    """Undo votes."""
    caller, services, count = get_caller(), get_services(), 0
    least_votes = services.settings.min_correction_votes
    while True:
        with services.database.write() as session:
            votes = _find_undone(session, wanted, caller.actor)
            if any(vote.reviewer != caller.actor for vote in votes):
                require_scope(Scope.ADMIN)
            count += reviews.undo_votes(session, votes, caller.actor, since=wanted.since, least_votes=least_votes)
        if wanted.since is None or len(votes) < _MOST_UNDONE:
            return respond(Undone(undone=count))


def _find_undone(session: Session, wanted: Undo, caller: str) -> Sequence[ReviewVote]:
    """Find the votes to undo. With `since`, at most as many as one short transaction can handle."""
    if wanted.vote_ids:
        return reviews.get_votes(session, wanted.vote_ids)
    limit = wanted.last or _MOST_UNDONE
    return reviews.list_votes(session, reviewer=wanted.reviewer or caller, since=wanted.since, limit=limit)


@blueprint.get("/faces/<uuid:face_id>")
@blueprint.output(ReviewFace, description="The face, and every vote on it.")
@blueprint.doc(
    summary="Read the votes on a face",
    description="Reviewers see the votes once the face has enough votes, or once they have voted on it themselves. The scope "
    "`admin` always sees them.",
    responses=describe_errors("scope_missing", "unknown_face"),
)
def read_face(face_id: UUID) -> Response:
    """Read the votes on one face."""
    services, caller = get_services(), get_caller()
    with services.database.read() as session:
        item, votes = reviews.get_review(session, face_id)
        face = faces.get_face(session, face_id)
    if face is None:  # erased in the meantime
        raise reviews.UnknownFace(f"there is no face {face_id}")
    record_seen(services, caller, [face.job_id])
    has_voted = any(vote.reviewer == caller.actor and vote.withdrawn_at is None for vote in votes)
    may_see = has_voted or item.closed_at is not None or Scope.ADMIN in caller.scopes
    return respond(review_to_schema(item, face, votes if may_see else None, services.settings))


@blueprint.get("/statistics")
@blueprint.input(StatisticsQuery, location="query", arg_name="query")
@blueprint.output(Statistics, description="Live accuracy and agreement.")
@blueprint.doc(
    summary="Read accuracy and agreement",
    description="Accuracy is measured only on faces drawn at random, so that it represents all faces. Agreement says how far "
    "reviewers agree. Each face counts once, in its latest analysis, or in the latest by `model_version`.",
    responses=describe_errors("scope_missing", "invalid_request"),
)
def read_statistics(query: StatisticsQuery) -> Response:
    """Estimate accuracy and agreement."""
    with get_services().database.read() as session:
        live = review_statistics.estimate_live_accuracy(session, model_version=query.model_version, since=query.since)
        agreement = review_statistics.measure_agreement(session, since=query.since)
    return respond(statistics_to_schema(live, agreement))
