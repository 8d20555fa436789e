"""A changed number of votes that a label needs to teach."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from apiflask import APIFlask
from flask.testing import FlaskClient
from sqlalchemy import update

from db.core.session import Database
from db.core.vocabulary import Scope
from db.reviews.tables import ReviewItem
from tests.support.factories.analyses import Analyses
from tests.support.opening import HAPPY, Opener, vote
from worker.housekeeping import sweeper


def test_a_raised_number_of_votes_brings_judged_faces_back(
    open_app: Callable[..., APIFlask],
    open_client: Opener,
    reviewing: FlaskClient,
    analyses: Analyses,
    database: Database,
) -> None:
    face_id, other = analyses.store(HAPPY, HAPPY).face_ids
    with database.write() as session:
        session.execute(update(ReviewItem).values(votes_wanted=1))
    vote(reviewing, face_id)
    changed = open_app(min_correction_votes=2)
    sweeping: Any = SimpleNamespace(
        database=database, settings=SimpleNamespace(min_correction_votes=2), votes_settled_for=None
    )
    sweeper.settle_reviews(sweeping)
    assert sweeping.votes_settled_for == 2
    ana, ben = (open_client(name, Scope.REVIEW, of=changed) for name in ("desk", "other"))
    vote(ana, other)
    assert ana.get(f"/v1/reviews/faces/{other}").get_json()["is_open"] is True
    assert ana.post("/v1/reviews/next", json={}).get_json()["items"] == []
    items = {item["face"]["id"]: item for item in ben.post("/v1/reviews/next", json={"limit": 9}).get_json()["items"]}
    assert items.keys() == {str(face_id), str(other)}
    assert (items[str(face_id)]["votes_wanted"], items[str(face_id)]["label"]) == (2, None)
    cast = vote(ben, face_id)
    assert ben.get(f"/v1/reviews/faces/{face_id}").get_json()["is_open"] is False
    assert ben.post("/v1/reviews/undo", json={"vote_ids": [cast["id"]]}).json == {"undone": 1}
    assert ben.get(f"/v1/reviews/faces/{face_id}").get_json()["is_open"] is True
