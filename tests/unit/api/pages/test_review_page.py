"""Review on the pages: votes by plain forms and by the script, undone by whoever cast them."""

import re
from collections.abc import Callable
from uuid import UUID

import pytest

from db import reviews
from db.session import Database
from db.vocabulary import Emotion, Role, Verdict
from tests.unit.api.conftest import PlayedWorker
from tests.unit.api.pages.conftest import Visitor

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def faces(submit: Callable[..., str], worker: PlayedWorker) -> None:
    """Six faces that wait for a reviewer, each of a photo of its own."""
    for number in range(6):
        worker.analyze(submit(), worker.see(Emotion.HAPPY, 0.3 + number / 20, (4 * number, 4, 3, 20)))


def list_cards(text: str) -> list[str]:
    return re.findall(r'data-face="([0-9a-f-]+)"', text)


def list_verdicts(database: Database, reviewer: str) -> list[Verdict]:
    with database.read() as session:
        return [vote.verdict for vote in reviews.list_votes(session, reviewer=reviewer)]


def test_a_plain_form_votes_and_shows_the_next_face(reviewer: Visitor, faces: None, database: Database) -> None:
    cards = list_cards(reviewer.get("/review"))
    assert len(cards) == 4
    assert (
        reviewer.post("/review/votes", face_id=cards[0], verdict="sad", emotion="happy")[1] == "/review?emotion=happy"
    )
    assert list_verdicts(database, "reviewer") == [Verdict.SAD]
    assert cards[0] not in list_cards(reviewer.get("/review"))


def test_the_script_is_sent_the_cards_that_are_missing(reviewer: Visitor, faces: None) -> None:
    cards = list_cards(reviewer.get("/review"))
    status, text = reviewer.post("/review/votes", face_id=cards[0], verdict="happy", shown=cards[1:], fragment="yes")
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
        reviewer.post("/review/votes", face_id=card, verdict="ambiguous")
    with database.read() as session:
        votes = [str(vote.id) for vote in reviews.list_votes(session, reviewer="reviewer")]
    visit(Role.ADMINISTRATOR).post("/review/undo", vote_id=votes)
    assert len(list_verdicts(database, "reviewer")) == 2
    status, text = reviewer.post("/review/undo", vote_id=votes, fragment="yes")
    assert status == 200
    assert set(list_cards(text)) == set(cards[:2])
    assert list_verdicts(database, "reviewer") == []


def test_what_is_no_verdict_or_no_face_is_refused(reviewer: Visitor, faces: None) -> None:
    [card, *_] = list_cards(reviewer.get("/review"))
    assert reviewer.post("/review/votes", face_id=card, verdict="bored")[0] == 422
    assert reviewer.post("/review/votes", face_id="x", verdict="sad")[0] == 422
    assert reviewer.post("/review/votes", face_id=UUID(int=1), verdict="sad")[0] == 404


def test_filters_choose_the_faces(reviewer: Visitor, faces: None) -> None:
    assert list_cards(reviewer.get("/review", emotion="sad")) == []
    assert len(list_cards(reviewer.get("/review", min_confidence="0.5"))) <= 2
    assert "No face fits the filter" in reviewer.get("/review", min_face_px="500")
