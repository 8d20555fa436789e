"""The review pages: faces come one after another, a key casts a vote, and votes can be undone.

The page holds several cards and shows the first. The response to a vote contains the cards that are missing behind it, so the next
face is shown without waiting for the request. Without a script each vote is a form, and the page is rendered again.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from api.core.services import get_services
from api.reviews.choice_keys import CHOICE_KEYS
from api.reviews.guidelines import GROUND_RULE, GUIDELINES
from api.reviews.search import (
    MOST_IN_A_GRID,
    GridSearch,
    ReviewSearch,
    keep_search,
    read_choice,
    read_uuid,
    read_uuids,
)
from api.web.forms import refills_search
from api.web.queries import read_query
from api.web.site import get_person, go, needs
from db.accounts import api_keys
from db.core.types import utcnow
from db.core.vocabulary import Role, VoteChoice
from db.reviews import actions as reviews
from db.reviews import queue as review_queue
from db.reviews import statistics as review_statistics
from db.reviews.cards import Card, list_cards
from db.reviews.disagreements import count_disagreements, list_disagreements
from db.reviews.examples import list_examples
from db.reviews.progress import list_progress

blueprint = Blueprint("review", __name__, url_prefix="/review")

_CARDS = 4
"""Cards on the page: the one that is shown, and the next ones with their pictures preloaded."""
_RECENT = 12
_RECENT_WINDOW = timedelta(days=30)


@blueprint.get("")
@needs(Role.REVIEWER)
@refills_search
def show() -> str:
    """Show the first faces of the queue. Statistics are loaded afterwards, so that no reviewer waits for them."""
    search, person, services = read_query(ReviewSearch, request.args), get_person(), get_services()
    cards = _take_cards(person.name, search, _CARDS, exclude=set())
    with services.database.read() as session:
        applications = api_keys.list_applications(session)
    return render_template(
        "reviews/review.html",
        cards=cards,
        search=search,
        asked=search.to_query(),
        applications=[(str(application.id), application.name) for application in applications],
        choices=CHOICE_KEYS,
        guidelines=GUIDELINES,
        ground_rule=GROUND_RULE,
    )


@blueprint.get("/statistics")
@needs(Role.REVIEWER)
def show_statistics() -> str:
    """Render the part of the page with the latest votes and the statistics."""
    search = read_query(ReviewSearch, request.args)
    return render_template("reviews/statistics.html", **_read_statistics(get_person().name, search))


@blueprint.post("/votes")
@needs(Role.REVIEWER)
def vote() -> str | AnyResponse:
    """Store a vote. Scripts get the missing cards; plain forms get the whole page."""
    face_id, choice = read_uuid("face_id"), read_choice()
    person, shown, search = get_person(), set(read_uuids("shown")), read_query(ReviewSearch, request.form)
    services = get_services()
    least_votes = services.settings.min_correction_votes
    with services.database.write() as session:
        is_from_queue = request.form.get("from") != "job"
        cast = reviews.cast_vote(
            session, face_id, person.name, choice, least_votes=least_votes, is_from_queue=is_from_queue
        )
        job_id = None if is_from_queue else reviews.find_job_id(session, face_id)
    if job_id is not None:  # a correction on the job's page returns there
        if "fragment" in request.form:
            return ""
        return go("jobs.show", job_id=job_id, done="voted", _anchor=f"face-{face_id}")
    if "fragment" not in request.form:
        return go("review.show", **keep_search())
    cards = _take_cards(person.name, search, _CARDS - len(shown), exclude=shown)
    return render_template("reviews/cards.html", cards=cards, vote=cast, choices=CHOICE_KEYS)


@blueprint.post("/undo")
@needs(Role.REVIEWER)
def undo() -> str | AnyResponse:
    """Undo the reviewer's own votes. Scripts get the faces' cards; plain forms get the whole page."""
    person, services = get_person(), get_services()
    vote_ids = read_uuids("vote_id")
    with services.database.write() as session:
        votes = [each for each in reviews.get_votes(session, vote_ids) if each.reviewer == person.name]
        reviews.undo_votes(session, votes, person.actor, least_votes=services.settings.min_correction_votes)
    if "fragment" not in request.form:
        return go("review.show", done="undone", **keep_search())
    with services.database.read() as session:
        cards = list_cards(session, [each.face_id for each in votes if each.face_id is not None], person.name)
    return render_template("reviews/cards.html", cards=cards, vote=None, choices=CHOICE_KEYS)


@blueprint.get("/grid")
@needs(Role.REVIEWER)
@refills_search
def show_grid() -> str:
    """Show a grid of faces with one predicted emotion. The reviewer marks the wrong ones and confirms the others at once."""
    asked = read_query(GridSearch, request.args)
    search = ReviewSearch(emotion=asked.emotion)
    cards = _take_cards(get_person().name, search, asked.count, exclude=set())
    return render_template("reviews/grid.html", cards=cards, asked=asked)


@blueprint.post("/grid")
@needs(Role.REVIEWER)
def confirm_grid() -> AnyResponse:
    """Vote for the prediction of every unmarked face, then show the marked ones."""
    asked = read_query(GridSearch, request.form)
    face_ids, marked = read_uuids("face_id"), set(read_uuids("marked"))
    if len(face_ids) > MOST_IN_A_GRID:
        abort(422, f"A grid has at most {MOST_IN_A_GRID} faces.")
    services, person = get_services(), get_person()
    least_votes, choice = services.settings.min_correction_votes, VoteChoice(asked.emotion.value)
    for face_id in face_ids:
        if face_id not in marked:
            try:
                # one transaction each, so that an erased face doesn't lose the other votes
                with services.database.write() as session:
                    reviews.cast_vote(session, face_id, person.name, choice, least_votes=least_votes)
            except reviews.UnknownFace:
                continue
    if marked:
        return go("review.show", done="grid_marked", faces=",".join(map(str, sorted(marked))))
    return go("review.show_grid", done="grid_confirmed", emotion=asked.emotion.value, count=asked.count)


@blueprint.get("/disagreements")
@needs(Role.ADMINISTRATOR)
def show_disagreements() -> str:
    """Show faces on which reviewers disagree, with each vote, to be decided."""
    with get_services().database.read() as session:
        found = list_disagreements(session)
        count = count_disagreements(session)
    return render_template("reviews/disagreements.html", found=found, count=count, choices=CHOICE_KEYS)


@blueprint.post("/disagreements")
@needs(Role.ADMINISTRATOR)
def decide() -> AnyResponse:
    """Resolve a disagreement: this vote becomes the label."""
    services, face_id, choice = get_services(), read_uuid("face_id"), read_choice()
    if choice is VoteChoice.SKIP:
        abort(422, "A skip decides nothing.")
    least_votes = services.settings.min_correction_votes
    with services.database.write() as session:
        reviews.cast_vote(
            session,
            face_id,
            get_person().name,
            choice,
            least_votes=least_votes,
            is_from_queue=False,
            is_deciding=True,
        )
    return go("review.show_disagreements", done="decided")


@blueprint.get("/guidelines")
@needs(Role.REVIEWER)
def show_guidelines() -> str:
    """Show what each emotion looks like, with faces on which reviewers agree."""
    with get_services().database.read() as session:
        examples = list_examples(session)
    return render_template("reviews/guidelines.html", guidelines=GUIDELINES, ground_rule=GROUND_RULE, examples=examples)


@blueprint.get("/progress")
@needs(Role.REVIEWER)
def show_progress() -> str:
    """Show the recent activity of each reviewer."""
    now = utcnow()
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    with get_services().database.read() as session:
        rows = list_progress(session, since=now - _RECENT_WINDOW, today=today)
        agreement = review_statistics.measure_agreement(session, since=now - _RECENT_WINDOW)
        waiting = review_queue.count_waiting(session)
    return render_template(
        "reviews/progress.html",
        rows=rows,
        agreement=agreement,
        waiting=waiting,
        most_counted=review_queue.MOST_COUNTED,
        window_days=_RECENT_WINDOW.days,
    )


def _take_cards(reviewer: str, search: ReviewSearch, limit: int, exclude: set[UUID]) -> list[Card]:
    """Take faces from the queue. They are read after the transaction that reserves them, because other reviewers wait for it."""
    database, wanted = get_services().database, search.to_filter()
    if limit < 1:
        return []
    with database.write() as session:
        items = review_queue.take_faces(session, reviewer, wanted, limit=limit, exclude=exclude)
        face_ids = [item.face_id for item in items]
    with database.read() as session:
        return list_cards(session, face_ids, reviewer)


def _read_statistics(reviewer: str, search: ReviewSearch) -> dict[str, Any]:
    """Count the queue, and compute the statistics of the model, of all reviewers, and of this one."""
    since = utcnow() - _RECENT_WINDOW
    with get_services().database.read() as session:
        recent = reviews.list_votes(session, reviewer=reviewer, limit=_RECENT)
        return {
            "live": review_statistics.estimate_live_accuracy(session, since=since),
            "agreement": review_statistics.measure_agreement(session, since=since),
            "recent": recent,
            "hidden": {vote.face_id for vote in recent if vote.is_blind},
            "window_days": _RECENT_WINDOW.days,
            "waiting": review_queue.count_waiting(session, search.to_filter()),
            "most_counted": review_queue.MOST_COUNTED,
            "disagreements": count_disagreements(session),
            "is_filtered": bool(search.to_query()),
        }
