"""Review: faces come one after the other, a key judges each, and what was judged can be undone.

The page holds some cards, drawn here; only the first is shown. A vote is answered with the cards that are missing behind it, so
the next face is on screen before the request is sent. Without a script each vote is a form, and the page comes anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, render_template, request
from pydantic import Field, TypeAdapter, ValidationError
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from api.core.fields import LARGEST_NUMBER, Day, RowId
from api.core.services import get_services
from api.web.queries import Query, begin_day, end_day, read_query
from api.web.site import get_person, go, needs
from db import tables
from db.core.types import utcnow
from db.core.vocabulary import EMOTIONS, Emotion, Role, VoteChoice
from db.faces import queries as faces
from db.jobs import queries as job_queries
from db.jobs.actions import is_photo_kept
from db.reviews import actions as reviews
from db.reviews import queue as review_queue
from db.reviews import statistics as review_statistics
from db.reviews.filter import ReviewFilter
from db.reviews.tables import ReviewItem, ReviewVote

blueprint = Blueprint("review", __name__, url_prefix="/review")

_CARDS = 4
"""Faces on the page at once: the one that is shown, and those that come next, with their pictures loaded."""
_MOST_DAYS = 36_500
_RECENT = 12
_RECENT_WINDOW = timedelta(days=30)
_IDS = TypeAdapter(list[RowId])


class ReviewSearch(Query):
    """Which faces the reviewer wants; what is empty doesn't restrict. Dates are days of UTC; `until` is the last one."""

    emotion: Emotion | None = None
    min_confidence: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    max_confidence: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    min_face_px: int | None = Field(default=None, ge=0, le=LARGEST_NUMBER)
    max_face_px: int | None = Field(default=None, ge=0, le=LARGEST_NUMBER)
    model_version: int | None = Field(default=None, ge=0, le=LARGEST_NUMBER)
    days: int | None = Field(default=None, ge=1, le=_MOST_DAYS)
    since: Day | None = None
    until: Day | None = None

    def to_filter(self) -> ReviewFilter:
        """The same for the database."""
        begins = [begin_day(self.since)] if self.since else []
        if self.days is not None:
            begins.append(utcnow() - timedelta(days=self.days))
        return ReviewFilter(
            created_from=max(begins, default=None),
            created_before=end_day(self.until) if self.until else None,
            **self.model_dump(exclude={"days", "since", "until"}),
        )


@dataclass(frozen=True)
class Card:
    """A face before a reviewer: its row, its job, its place in the queue, and the votes that stand on it.

    has_own_vote: whether the reviewer's own is among these. Until then other votes aren't shown, or agreement would mean little.
    """

    face: tables.Face
    job: tables.Job
    item: ReviewItem
    votes: Sequence[ReviewVote]
    has_own_vote: bool

    @property
    def is_photo_kept(self) -> bool:
        """Whether the photo can be shown beside the crop."""
        return is_photo_kept(self.job)


@blueprint.get("")
@needs(Role.REVIEWER)
def show() -> str:
    """The first faces of the queue. What the votes say comes after them, so that no reviewer waits for it."""
    search, person, services = read_query(ReviewSearch, request.args), get_person(), get_services()
    services.least_votes.apply(services.database, services.settings.min_correction_votes)
    with services.database.write() as session:
        cards = _take_cards(session, person.name, search, _CARDS, exclude=set())
    return render_template(
        "reviews/review.html",
        cards=cards,
        search=search,
        is_filtered=any(value is not None for value in search.model_dump().values()),
        choices=_CHOICE_KEYS,
    )


@blueprint.get("/statistics")
@needs(Role.REVIEWER)
def show_statistics() -> str:
    """What was judged lately, and what the votes say: a part of the page, drawn anew."""
    return render_template("reviews/statistics.html", **_read_statistics(get_person().name))


@blueprint.post("/votes")
@needs(Role.REVIEWER)
def vote() -> str | AnyResponse:
    """Store a vote. A script gets the cards that are missing on its page; a plain form gets the page anew."""
    face_id, choice = _read_uuid("face_id"), _read_choice()
    person, shown, search = get_person(), set(_read_uuids("shown")), read_query(ReviewSearch, request.form)
    services = get_services()
    least_votes = services.settings.min_correction_votes
    with services.database.write() as session:
        cast = reviews.cast_vote(session, face_id, person.name, choice, least_votes=least_votes)
    if "fragment" not in request.form:
        return go("review.show", **_keep_search())
    with services.database.write() as session:
        cards = _take_cards(session, person.name, search, _CARDS - len(shown), exclude=shown)
    return render_template("reviews/cards.html", cards=cards, vote=cast, choices=_CHOICE_KEYS)


@blueprint.post("/undo")
@needs(Role.REVIEWER)
def undo() -> str | AnyResponse:
    """Withdraw one's own votes. A script gets the faces' cards back; a plain form gets the page anew."""
    person, services = get_person(), get_services()
    vote_ids = _read_uuids("vote_id")
    with services.database.write() as session:
        votes = [each for each in reviews.get_votes(session, vote_ids) if each.reviewer == person.name]
        reviews.undo_votes(session, votes, person.actor, least_votes=services.settings.min_correction_votes)
    if "fragment" not in request.form:
        return go("review.show", done="undone", **_keep_search())
    with services.database.read() as session:
        found = [_read_card(session, each.face_id, person.name) for each in votes if each.face_id is not None]
    cards = [card for card in found if card is not None]
    return render_template("reviews/cards.html", cards=cards, vote=None, choices=_CHOICE_KEYS)


_CHOICE_KEYS = (
    *((VoteChoice(emotion.value), emotion.key) for emotion in EMOTIONS),
    (VoteChoice.NOT_A_FACE, "x"),
    (VoteChoice.AMBIGUOUS, "a"),
    (VoteChoice.SKIP, "s"),
)
"""Each choice with its key."""


def _take_cards(session: Session, reviewer: str, search: ReviewSearch, limit: int, exclude: set[UUID]) -> list[Card]:
    items = review_queue.take_faces(session, reviewer, search.to_filter(), limit=max(limit, 0), exclude=exclude)
    cards = [_read_card(session, item.face_id, reviewer) for item in items]
    return [card for card in cards if card is not None]


def _read_card(session: Session, face_id: UUID, reviewer: str) -> Card | None:
    face = faces.get_face(session, face_id)
    job = job_queries.get_job(session, face.job_id) if face is not None else None
    if face is None or job is None:
        return None
    item, votes = reviews.get_review(session, face_id)
    standing = [each for each in votes if each.withdrawn_at is None]
    return Card(face, job, item, standing, has_own_vote=any(each.reviewer == reviewer for each in standing))


def _read_statistics(reviewer: str) -> dict[str, Any]:
    """What the votes say of the model, of the reviewers, and of this one."""
    since = utcnow() - _RECENT_WINDOW
    with get_services().database.read() as session:
        return {
            "live": review_statistics.estimate_live_accuracy(session, since=since),
            "agreement": review_statistics.measure_agreement(session, since=since),
            "recent": reviews.list_votes(session, reviewer=reviewer, limit=_RECENT),
            "window_days": _RECENT_WINDOW.days,
        }


def _keep_search() -> dict[str, str]:
    return {name: value for name, value in request.form.items() if name in ReviewSearch.model_fields and value}


def _read_uuid(field: str) -> UUID:
    found = _read_uuids(field)
    if len(found) != 1:
        abort(422, f"{field} is no id.")
    return found[0]


def _read_uuids(field: str) -> list[UUID]:
    try:
        return _IDS.validate_python(request.form.getlist(field))
    except ValidationError:
        abort(422, f"{field} is no id.")


def _read_choice() -> VoteChoice:
    try:
        return VoteChoice(request.form.get("choice", ""))
    except ValueError:
        abort(422, "There is no such choice.")
