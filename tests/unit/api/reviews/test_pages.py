"""The review pages: votes by plain forms and by the script, and undo."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from apiflask import APIFlask
from sqlalchemy import select, update

from api.core.services import Services
from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import Emotion, ReviewSlice, Role, VoteChoice
from db.reviews import actions as reviews
from db.reviews.required_votes import resettle_all
from db.reviews.tables import ReviewItem
from tests.support.markup import flatten
from tests.support.played_worker import PlayedWorker
from tests.support.visitors import Visitor

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def faces(submit: Callable[..., str], worker: PlayedWorker) -> None:
    """Six faces that wait for a reviewer, each of a photo of its own."""
    for number in range(6):
        worker.analyze(submit(), worker.see(Emotion.HAPPY, 0.3 + number / 20, (4 * number, 4, 3, 20)))


def list_cards(text: str) -> list[str]:
    return re.findall(r'data-face="([0-9a-f-]+)"', text)


def is_open(database: Database, face_id: str) -> bool:
    with database.read() as session:
        return session.get_one(ReviewItem, UUID(face_id)).closed_at is None


def list_choices(database: Database, reviewer: str) -> list[VoteChoice]:
    with database.read() as session:
        return [vote.choice for vote in reviews.list_votes(session, reviewer=reviewer)]


def test_a_plain_form_votes_and_shows_the_next_face(reviewer: Visitor, faces: None, database: Database) -> None:
    cards = list_cards(reviewer.get("/review"))
    assert len(cards) == 4
    assert reviewer.post("/review/votes", face_id=cards[0], choice="sad", emotion="happy")[1] == "/review?emotion=happy"
    assert list_choices(database, "reviewer") == [VoteChoice.SAD]
    assert cards[0] not in list_cards(reviewer.get("/review"))


def test_the_script_is_sent_the_cards_that_are_missing(reviewer: Visitor, faces: None) -> None:
    cards = list_cards(reviewer.get("/review"))
    status, text = reviewer.post("/review/votes", face_id=cards[0], choice="happy", shown=cards[1:], fragment="yes")
    assert status == 200
    fresh = list_cards(text)
    assert len(fresh) == 1
    assert not set(fresh) & set(cards)
    assert re.search(r'data-vote="[0-9a-f-]+"', text)


def test_two_reviewers_are_shown_different_faces(reviewer: Visitor, administrator: Visitor, faces: None) -> None:
    mine, theirs = list_cards(reviewer.get("/review")), list_cards(administrator.get("/review"))
    assert not set(mine) & set(theirs)
    assert len(mine) + len(theirs) == 6


def test_undo_brings_the_face_back_and_only_ones_own_votes_are_undone(
    reviewer: Visitor, visit: Callable[[Role], Visitor], faces: None, database: Database
) -> None:
    cards = list_cards(reviewer.get("/review"))
    for card in cards[:2]:
        reviewer.post("/review/votes", face_id=card, choice="ambiguous")
    with database.read() as session:
        votes = [str(vote.id) for vote in reviews.list_votes(session, reviewer="reviewer")]
    visit(Role.ADMINISTRATOR).post("/review/undo", vote_id=votes)
    assert len(list_choices(database, "reviewer")) == 2
    status, text = reviewer.post("/review/undo", vote_id=votes, fragment="yes")
    assert status == 200
    assert set(list_cards(text)) == set(cards[:2])
    assert list_choices(database, "reviewer") == []


def test_a_face_waits_for_the_votes_that_a_label_needs_to_teach(
    app: APIFlask, services: Services, reviewer: Visitor, administrator: Visitor, faces: None, database: Database
) -> None:
    with database.write() as session:
        session.execute(update(ReviewItem).values(slice=ReviewSlice.UNCERTAIN, votes_wanted=1))
    face_id, other, *_ = list_cards(reviewer.get("/review"))
    reviewer.post("/review/votes", face_id=face_id, choice="sad")
    assert not is_open(database, face_id)
    changed = services.settings.model_copy(update={"min_correction_votes": 2})
    replace(services, settings=changed).install(app.extensions)
    resettle_all(database, 2)
    assert is_open(database, face_id)
    reviewer.post("/review/votes", face_id=other, choice="sad")
    assert is_open(database, other)
    administrator.post("/review/votes", face_id=face_id, choice="sad")
    assert not is_open(database, face_id)
    with database.read() as session:
        [vote] = reviews.list_votes(session, reviewer="administrator")
    administrator.post("/review/undo", vote_id=str(vote.id))
    assert is_open(database, face_id)


def test_what_is_no_choice_or_no_face_is_refused(reviewer: Visitor, faces: None) -> None:
    [card, *_] = list_cards(reviewer.get("/review"))
    assert reviewer.post("/review/votes", face_id=card, choice="bored")[0] == 422
    assert reviewer.post("/review/votes", face_id="x", choice="sad")[0] == 422
    assert reviewer.post("/review/votes", face_id=UUID(int=1), choice="sad")[0] == 404


def test_filters_choose_the_faces(reviewer: Visitor, faces: None) -> None:
    assert list_cards(reviewer.get("/review", emotion="sad")) == []
    assert len(list_cards(reviewer.get("/review", min_confidence="0.5"))) <= 2
    assert "No face matches the filter" in reviewer.get("/review", min_face_px="500")


def test_dates_choose_the_faces_and_the_later_beginning_counts(
    reviewer: Visitor, faces: None, database: Database
) -> None:
    with database.write() as session:
        for item, age in zip(
            session.scalars(select(ReviewItem).order_by(ReviewItem.rank)), (0, 0, 3, 3, 9, 9), strict=True
        ):
            item.created_at = utcnow() - timedelta(days=age)

    def count(**asked: object) -> int:
        return len(list_cards(reviewer.get("/review", **asked)))

    four_days_ago = (utcnow() - timedelta(days=4)).date()
    assert count(since=four_days_ago) == 4
    assert count(until=four_days_ago) == 2
    assert count(since=four_days_ago, days=1) == 2
    assert count(since=utcnow().date() - timedelta(days=1), days=30) == 2
    assert count(since=four_days_ago, until=utcnow().date() - timedelta(days=2)) == 2
    text = flatten(reviewer.get("/review", since=four_days_ago))
    assert f'name="since" type="date" value="{four_days_ago}"' in text
    [card, *_] = list_cards(text)
    _, text = reviewer.post(
        "/review/votes", face_id=card, choice="sad", since="2020-01-01", until="2020-01-02", fragment="yes"
    )
    assert list_cards(text) == []


def test_a_vote_tells_the_script_which_of_ones_own_it_replaces(reviewer: Visitor, faces: None) -> None:
    [card, *_] = list_cards(reviewer.get("/review"))

    def vote() -> tuple[str | None, str | None]:
        _, text = reviewer.post("/review/votes", face_id=card, choice="sad", fragment="yes")
        found = [re.search(rf'data-{name}="([0-9a-f-]+)"', text) for name in ("vote", "replaces")]
        first, second = (match and match[1] for match in found)
        return first, second

    first, nothing = vote()
    assert nothing is None
    assert vote()[1] == first


def test_what_others_said_is_not_shown_before_ones_own_vote(reviewer: Visitor, faces: None, database: Database) -> None:
    [card, *_] = list_cards(reviewer.get("/review"))
    with database.write() as session:
        reviews.cast_vote(session, UUID(card), "nora", VoteChoice.DISGUSTED)

    def vote_and_undo(*choices: str) -> str:
        """Vote, undo the last vote, and give the card that comes back: its face is one's own to judge again."""
        for choice in choices:
            reviewer.post("/review/votes", face_id=card, choice=choice)
        with database.read() as session:
            [latest, *_] = reviews.list_votes(session, reviewer="reviewer")
        status, text = reviewer.post("/review/undo", vote_id=latest.id, fragment="yes")
        assert (status, list_cards(text)) == (200, [card])
        return flatten(text)

    text = vote_and_undo("sad")
    assert "1 vote so far</p>" in text
    assert "nora" not in text
    assert "2 votes so far: nora disgusted, reviewer sad</p>" in vote_and_undo("sad", "angry")


def test_the_latest_votes_are_corrected_by_their_pictures(reviewer: Visitor, faces: None, database: Database) -> None:
    seen, blind = list_cards(reviewer.get("/review"))[:2]
    for face_id in (seen, blind):
        reviewer.post("/review/votes", face_id=face_id, choice="sad")
    with database.write() as session:
        for vote in reviews.list_votes(session, reviewer="reviewer"):
            vote.is_blind = str(vote.face_id) == blind
    text = flatten(reviewer.get("/review/statistics"))
    assert f'data-correct="{seen}" data-emotion="happy"' in text
    assert f'data-correct="{blind}" title="Correct your vote: sad"' in text
