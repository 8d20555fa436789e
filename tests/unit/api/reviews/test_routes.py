from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import Scope
from db.reviews.tables import ReviewItem
from tests.support.factories.analyses import Analyses
from tests.support.opening import HAPPY, Opener, vote


def test_a_face_is_taken_judged_and_gone_from_the_queue(reviewing: FlaskClient, analyses: Analyses) -> None:
    (face_id,) = analyses.store(HAPPY).face_ids
    (item,) = reviewing.post("/v1/reviews/next", json={}).get_json()["items"]
    assert (item["face"]["id"], item["face"]["emotion"], item["label"], item["is_open"]) == (
        str(face_id), "happy", None, True,
    )  # fmt: skip
    assert reviewing.get(item["face"]["crop_url"]).mimetype == "image/png"
    cast = vote(reviewing, face_id)
    assert (cast["reviewer"], cast["predicted"], cast["label"]) == ("application:desk", "happy", "sad")
    assert reviewing.post("/v1/reviews/next", json={}).get_json()["items"] == []
    shown = reviewing.get(f"/v1/reviews/faces/{face_id}").get_json()
    assert [each["choice"] for each in shown["votes"]] == ["sad"]


def test_taken_faces_can_be_given_back(reviewing: FlaskClient, open_client: Opener, analyses: Analyses) -> None:
    analyses.store(HAPPY)
    other = open_client("other", Scope.REVIEW)
    assert len(reviewing.post("/v1/reviews/next", json={}).get_json()["items"]) == 1
    assert other.post("/v1/reviews/next", json={}).get_json()["items"] == []
    assert reviewing.post("/v1/reviews/release").status_code == 204
    assert len(other.post("/v1/reviews/next", json={}).get_json()["items"]) == 1


@pytest.fixture
def voted_once(reviewing: FlaskClient, analyses: Analyses, database: Database) -> UUID:
    """A face on which the reviewer has voted, and which needs another vote."""
    (face_id,) = analyses.store(HAPPY).face_ids
    with database.write() as session:
        session.execute(update(ReviewItem).values(votes_wanted=2))
    vote(reviewing, face_id)
    return face_id


def test_a_face_that_somebody_has_voted_on_can_be_taken_by_another_who_is_not_told_what_they_said(
    reviewing: FlaskClient, open_client: Opener, voted_once: UUID
) -> None:
    (item,) = open_client("other", Scope.REVIEW).post("/v1/reviews/next", json={}).get_json()["items"]
    assert (item["face"]["id"], item["label"], item["votes"]) == (str(voted_once), None, [])
    assert reviewing.get(f"/v1/reviews/faces/{voted_once}").get_json()["label"] == "sad"


def test_whoever_may_still_judge_a_face_reads_no_votes_on_it(
    reviewing: FlaskClient, open_client: Opener, voted_once: UUID
) -> None:
    second, third = open_client("other", Scope.REVIEW), open_client("third", Scope.REVIEW)
    boss = open_client("boss", Scope.REVIEW, Scope.ADMIN)

    def read(client: FlaskClient) -> tuple[str | None, int]:
        shown = client.get(f"/v1/reviews/faces/{voted_once}").get_json()
        return shown["label"], len(shown["votes"])

    assert [read(client) for client in (reviewing, second, boss)] == [("sad", 1), (None, 0), ("sad", 1)]
    vote(second, voted_once)
    assert [read(client) for client in (reviewing, second, third)] == [("sad", 2)] * 3
    second.post("/v1/reviews/undo", json={"last": 1})
    assert read(second) == (None, 0)


@pytest.mark.parametrize("path", ["next", "votes", "undo", "release"])
def test_only_a_key_with_the_scope_reviews(open_client: Opener, path: str) -> None:
    answer = open_client("shop", Scope.SUBMIT, Scope.ADMIN).post(f"/v1/reviews/{path}", json={})
    assert (answer.status_code, answer.get_json()["code"]) == (403, "scope_missing")


def test_a_reviewer_undoes_own_votes_and_an_administrator_anybodys(
    reviewing: FlaskClient, open_client: Opener, analyses: Analyses
) -> None:
    faces = analyses.store(HAPPY, HAPPY).face_ids
    for face_id in faces:
        vote(reviewing, face_id)
    assert reviewing.post("/v1/reviews/undo", json={"last": 1}).json == {"undone": 1}
    theirs = {"last": 10, "reviewer": "application:desk"}
    assert open_client("other", Scope.REVIEW).post("/v1/reviews/undo", json=theirs).status_code == 403
    boss = open_client("boss", Scope.REVIEW, Scope.ADMIN)
    assert boss.post("/v1/reviews/undo", json=theirs).json == {"undone": 1}


def test_ones_latest_votes_are_listed_and_others_for_administrators(
    reviewing: FlaskClient, open_client: Opener, analyses: Analyses
) -> None:
    first, second = (vote(reviewing, face_id) for face_id in analyses.store(HAPPY, HAPPY).face_ids)
    vote(open_client("other", Scope.REVIEW), first["face_id"], "angry")
    shown = reviewing.get("/v1/reviews/votes").get_json()["items"]
    assert [(each["id"], each["choice"], each["stands"]) for each in shown] == [
        (each["id"], "sad", True) for each in (second, first)
    ]
    assert [each["id"] for each in reviewing.get("/v1/reviews/votes?limit=1").get_json()["items"]] == [second["id"]]
    assert reviewing.get("/v1/reviews/votes?since=2999-01-01T00:00:00Z").get_json()["items"] == []
    reviewing.post("/v1/reviews/undo", json={"vote_ids": [second["id"]]})
    assert [each["id"] for each in reviewing.get("/v1/reviews/votes").get_json()["items"]] == [first["id"]]
    theirs = "/v1/reviews/votes?reviewer=application:other"
    assert reviewing.get(theirs).get_json()["code"] == "scope_missing"
    boss = open_client("boss", Scope.REVIEW, Scope.ADMIN)
    assert [each["choice"] for each in boss.get(theirs).get_json()["items"]] == ["angry"]


def test_all_votes_since_a_time_are_undone_and_no_earlier_one_of_that_time_is_left(
    reviewing: FlaskClient, analyses: Analyses
) -> None:
    (face_id,) = analyses.store(HAPPY).face_ids
    since = utcnow().isoformat()
    for choice in ("sad", "angry"):
        vote(reviewing, face_id, choice)
    assert reviewing.post("/v1/reviews/undo", json={"since": since}).json == {"undone": 1}
    assert reviewing.get(f"/v1/reviews/faces/{face_id}").get_json()["label"] is None


def test_votes_since_a_time_are_undone_to_the_last_however_many(
    reviewing: FlaskClient, analyses: Analyses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.reviews.routes._MOST_UNDONE", 2)
    since = utcnow().isoformat()
    for face_id in analyses.store(*[HAPPY] * 5).face_ids:
        vote(reviewing, face_id)
    assert reviewing.post("/v1/reviews/undo", json={"since": since}).json == {"undone": 5}


def test_anothers_vote_is_not_undone_by_its_id(reviewing: FlaskClient, open_client: Opener, analyses: Analyses) -> None:
    cast = vote(reviewing, analyses.store(HAPPY).face_ids[0])
    other = open_client("other", Scope.REVIEW)
    assert other.post("/v1/reviews/undo", json={"vote_ids": [cast["id"]]}).status_code == 403
    assert reviewing.post("/v1/reviews/undo", json={"vote_ids": [cast["id"]]}).json == {"undone": 1}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("undo", {}),
        ("undo", {"last": 1, "vote_ids": [str(uuid4())]}),
        ("next", {"limit": 0}),
        ("next", {"emotion": "bored"}),
        ("next", {"min_face_px": 10**19}),
        ("next", {"max_face_px": 2**31}),
        ("next", {"model_version": 10**19}),
        ("next", {"created_from": "2026-03-01T00:00:00"}),
        ("next", {"created_before": "0001-01-01T00:00:00+14:00"}),
        ("undo", {"since": "2026-03-01T00:00:00"}),
        ("votes", {"face_id": str(uuid4()), "choice": "bored"}),
    ],
)
def test_a_body_that_makes_no_sense_is_refused(reviewing: FlaskClient, path: str, body: dict[str, object]) -> None:
    answer = reviewing.post(f"/v1/reviews/{path}", json=body)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid_request")


def test_an_unknown_face_is_said_to_be_unknown(reviewing: FlaskClient) -> None:
    body = {"face_id": str(uuid4()), "choice": "sad"}
    assert reviewing.post("/v1/reviews/votes", json=body).get_json()["code"] == "unknown_face"
    assert reviewing.get(f"/v1/reviews/faces/{uuid4()}").get_json()["code"] == "unknown_face"


def test_the_statistics_are_empty_at_first(reviewing: FlaskClient) -> None:
    shown = reviewing.get("/v1/reviews/statistics").get_json()
    assert shown["accuracy"] == {"hits": 0, "count": 0, "share": None, "low": None, "high": None}
    assert shown["agreement"] == {"faces": 0, "share": None, "alpha": None}


def test_a_submitting_key_sees_no_other_applications_crop(open_client: Opener, analyses: Analyses) -> None:
    (face_id,) = analyses.store(HAPPY, application="owner").face_ids
    assert open_client("rival", Scope.SUBMIT).get(f"/v1/faces/{face_id}/crop").status_code == 404
    assert open_client("owner", Scope.SUBMIT).get(f"/v1/faces/{face_id}/crop").status_code == 200
