from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from sqlalchemy import update

from db.accounts import api_keys
from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import Emotion, Scope
from db.reviews.tables import ReviewItem

if TYPE_CHECKING:
    from tests.unit.conftest import Analyses

HAPPY = (Emotion.HAPPY, 0.6)

Opener = Callable[..., FlaskClient]


@pytest.fixture
def open_client(app: APIFlask, database: Database) -> Opener:
    """A client with a key of these scopes. of: another application than the test's own."""

    def make(name: str, *scopes: Scope, of: APIFlask = app) -> FlaskClient:
        with database.write() as session:
            key = api_keys.create_key(session, api_keys.ensure_application(session, name), scopes)
        client = of.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
        return client

    return make


@pytest.fixture
def reviewer(open_client: Opener) -> FlaskClient:
    return open_client("desk", Scope.REVIEW)


def vote(client: FlaskClient, face_id: object, choice: str = "sad") -> dict[str, object]:
    answer = client.post("/v1/reviews/votes", json={"face_id": str(face_id), "choice": choice})
    assert answer.status_code == 201, answer.json
    return answer.json  # type: ignore[return-value]


def test_a_face_is_taken_judged_and_gone_from_the_queue(reviewer: FlaskClient, analyses: "Analyses") -> None:
    (face_id,) = analyses.store(HAPPY).face_ids
    (item,) = reviewer.post("/v1/reviews/next", json={}).json["items"]
    assert (item["face"]["id"], item["face"]["emotion"], item["label"], item["is_open"]) == (
        str(face_id), "happy", None, True,
    )  # fmt: skip
    assert reviewer.get(item["face"]["crop_url"]).mimetype == "image/png"
    cast = vote(reviewer, face_id)
    assert (cast["reviewer"], cast["predicted"], cast["label"]) == ("application:desk", "happy", "sad")
    assert reviewer.post("/v1/reviews/next", json={}).json["items"] == []
    shown = reviewer.get(f"/v1/reviews/faces/{face_id}").json
    assert [each["choice"] for each in shown["votes"]] == ["sad"]


def test_a_raised_number_of_votes_brings_judged_faces_back(
    open_app: Callable[..., APIFlask],
    open_client: Opener,
    reviewer: FlaskClient,
    analyses: "Analyses",
    database: Database,
) -> None:
    face_id, other = analyses.store(HAPPY, HAPPY).face_ids
    with database.write() as session:
        session.execute(update(ReviewItem).values(votes_wanted=1))
    vote(reviewer, face_id)
    changed = open_app(min_correction_votes=2)
    ana, ben = (open_client(name, Scope.REVIEW, of=changed) for name in ("desk", "other"))
    vote(ana, other)
    assert ana.get(f"/v1/reviews/faces/{other}").json["is_open"] is True
    assert ana.post("/v1/reviews/next", json={}).json["items"] == []
    items = {item["face"]["id"]: item for item in ben.post("/v1/reviews/next", json={"limit": 9}).json["items"]}
    assert items.keys() == {str(face_id), str(other)}
    assert (items[str(face_id)]["votes_wanted"], items[str(face_id)]["label"]) == (2, None)
    cast = vote(ben, face_id)
    assert ben.get(f"/v1/reviews/faces/{face_id}").json["is_open"] is False
    assert ben.post("/v1/reviews/undo", json={"vote_ids": [cast["id"]]}).json == {"undone": 1}
    assert ben.get(f"/v1/reviews/faces/{face_id}").json["is_open"] is True


def test_taken_faces_can_be_given_back(reviewer: FlaskClient, open_client: Opener, analyses: "Analyses") -> None:
    analyses.store(HAPPY)
    other = open_client("other", Scope.REVIEW)
    assert len(reviewer.post("/v1/reviews/next", json={}).json["items"]) == 1
    assert other.post("/v1/reviews/next", json={}).json["items"] == []
    assert reviewer.post("/v1/reviews/release").status_code == 204
    assert len(other.post("/v1/reviews/next", json={}).json["items"]) == 1


@pytest.fixture
def voted_once(reviewer: FlaskClient, analyses: "Analyses", database: Database) -> UUID:
    """A face on which the reviewer has voted, and which needs another vote."""
    (face_id,) = analyses.store(HAPPY).face_ids
    with database.write() as session:
        session.execute(update(ReviewItem).values(votes_wanted=2))
    vote(reviewer, face_id)
    return face_id


def test_a_face_that_somebody_has_voted_on_can_be_taken_by_another_who_is_not_told_what_they_said(
    reviewer: FlaskClient, open_client: Opener, voted_once: UUID
) -> None:
    (item,) = open_client("other", Scope.REVIEW).post("/v1/reviews/next", json={}).json["items"]
    assert (item["face"]["id"], item["label"], item["votes"]) == (str(voted_once), None, [])
    assert reviewer.get(f"/v1/reviews/faces/{voted_once}").json["label"] == "sad"


def test_whoever_may_still_judge_a_face_reads_no_votes_on_it(
    reviewer: FlaskClient, open_client: Opener, voted_once: UUID
) -> None:
    second, third = open_client("other", Scope.REVIEW), open_client("third", Scope.REVIEW)
    boss = open_client("boss", Scope.REVIEW, Scope.ADMIN)

    def read(client: FlaskClient) -> tuple[str | None, int]:
        shown = client.get(f"/v1/reviews/faces/{voted_once}").json
        return shown["label"], len(shown["votes"])

    assert [read(client) for client in (reviewer, second, boss)] == [("sad", 1), (None, 0), ("sad", 1)]
    vote(second, voted_once)
    assert [read(client) for client in (reviewer, second, third)] == [("sad", 2)] * 3
    second.post("/v1/reviews/undo", json={"last": 1})
    assert read(second) == (None, 0)


@pytest.mark.parametrize("path", ["next", "votes", "undo", "release"])
def test_only_a_key_with_the_scope_reviews(open_client: Opener, path: str) -> None:
    answer = open_client("shop", Scope.SUBMIT, Scope.ADMIN).post(f"/v1/reviews/{path}", json={})
    assert (answer.status_code, answer.json["code"]) == (403, "scope_missing")


def test_a_reviewer_undoes_own_votes_and_an_administrator_anybodys(
    reviewer: FlaskClient, open_client: Opener, analyses: "Analyses"
) -> None:
    faces = analyses.store(HAPPY, HAPPY).face_ids
    for face_id in faces:
        vote(reviewer, face_id)
    assert reviewer.post("/v1/reviews/undo", json={"last": 1}).json == {"undone": 1}
    theirs = {"last": 10, "reviewer": "application:desk"}
    assert open_client("other", Scope.REVIEW).post("/v1/reviews/undo", json=theirs).status_code == 403
    boss = open_client("boss", Scope.REVIEW, Scope.ADMIN)
    assert boss.post("/v1/reviews/undo", json=theirs).json == {"undone": 1}


def test_ones_latest_votes_are_listed_and_others_for_administrators(
    reviewer: FlaskClient, open_client: Opener, analyses: "Analyses"
) -> None:
    first, second = (vote(reviewer, face_id) for face_id in analyses.store(HAPPY, HAPPY).face_ids)
    vote(open_client("other", Scope.REVIEW), first["face_id"], "angry")
    shown = reviewer.get("/v1/reviews/votes").json["items"]
    assert [(each["id"], each["choice"], each["stands"]) for each in shown] == [
        (each["id"], "sad", True) for each in (second, first)
    ]
    assert [each["id"] for each in reviewer.get("/v1/reviews/votes?limit=1").json["items"]] == [second["id"]]
    assert reviewer.get("/v1/reviews/votes?since=2999-01-01T00:00:00Z").json["items"] == []
    reviewer.post("/v1/reviews/undo", json={"vote_ids": [second["id"]]})
    assert [each["id"] for each in reviewer.get("/v1/reviews/votes").json["items"]] == [first["id"]]
    theirs = "/v1/reviews/votes?reviewer=application:other"
    assert reviewer.get(theirs).json["code"] == "scope_missing"
    boss = open_client("boss", Scope.REVIEW, Scope.ADMIN)
    assert [each["choice"] for each in boss.get(theirs).json["items"]] == ["angry"]


def test_all_votes_since_a_time_are_undone_and_no_earlier_one_of_that_time_is_left(
    reviewer: FlaskClient, analyses: "Analyses"
) -> None:
    (face_id,) = analyses.store(HAPPY).face_ids
    since = utcnow().isoformat()
    for choice in ("sad", "angry"):
        vote(reviewer, face_id, choice)
    assert reviewer.post("/v1/reviews/undo", json={"since": since}).json == {"undone": 1}
    assert reviewer.get(f"/v1/reviews/faces/{face_id}").json["label"] is None


def test_votes_since_a_time_are_undone_to_the_last_however_many(
    reviewer: FlaskClient, analyses: "Analyses", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.reviews.routes._MOST_UNDONE", 2)
    since = utcnow().isoformat()
    for face_id in analyses.store(*[HAPPY] * 5).face_ids:
        vote(reviewer, face_id)
    assert reviewer.post("/v1/reviews/undo", json={"since": since}).json == {"undone": 5}


def test_anothers_vote_is_not_undone_by_its_id(
    reviewer: FlaskClient, open_client: Opener, analyses: "Analyses"
) -> None:
    cast = vote(reviewer, analyses.store(HAPPY).face_ids[0])
    other = open_client("other", Scope.REVIEW)
    assert other.post("/v1/reviews/undo", json={"vote_ids": [cast["id"]]}).status_code == 403
    assert reviewer.post("/v1/reviews/undo", json={"vote_ids": [cast["id"]]}).json == {"undone": 1}


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
def test_a_body_that_makes_no_sense_is_refused(reviewer: FlaskClient, path: str, body: dict[str, object]) -> None:
    answer = reviewer.post(f"/v1/reviews/{path}", json=body)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_request")


def test_an_unknown_face_is_said_to_be_unknown(reviewer: FlaskClient) -> None:
    body = {"face_id": str(uuid4()), "choice": "sad"}
    assert reviewer.post("/v1/reviews/votes", json=body).json["code"] == "unknown_face"
    assert reviewer.get(f"/v1/reviews/faces/{uuid4()}").json["code"] == "unknown_face"


def test_the_statistics_are_empty_at_first(reviewer: FlaskClient) -> None:
    shown = reviewer.get("/v1/reviews/statistics").json
    assert shown["accuracy"] == {"hits": 0, "count": 0, "share": None, "low": None, "high": None}
    assert shown["agreement"] == {"faces": 0, "share": None, "alpha": None}


def test_a_submitting_key_sees_no_other_applications_crop(open_client: Opener, analyses: "Analyses") -> None:
    (face_id,) = analyses.store(HAPPY, application="owner").face_ids
    assert open_client("rival", Scope.SUBMIT).get(f"/v1/faces/{face_id}/crop").status_code == 404
    assert open_client("owner", Scope.SUBMIT).get(f"/v1/faces/{face_id}/crop").status_code == 200


def test_drift_compares_the_last_week_with_the_weeks_before(reviewer: FlaskClient, analyses: "Analyses") -> None:
    analyses.store(HAPPY)
    shown = reviewer.get("/v1/drift").json
    assert (shown["reference"]["faces"], shown["current"]["faces"], shown["emotion_shift"]) == (0, 1, None)
    assert [day["faces"] for day in shown["days"]] == [1]


@pytest.mark.parametrize(
    "query",
    [
        "current_before=0001-01-01T00:00:00Z",
        "current_before=9999-12-31T23:59:59Z&current_from=9999-12-31T23:30:00Z",
        "reference_from=0001-01-01T00:00:00%2B14:00",
        "current_before=2026-03-01T00:00:00",
    ],
)
def test_periods_without_room_around_them_or_without_a_time_zone_are_refused(reviewer: FlaskClient, query: str) -> None:
    answer = reviewer.get(f"/v1/drift?{query}")
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_request")
    assert reviewer.get("/v1/reviews/statistics?since=2026-03-01T00:00:00").status_code == 422


def test_periods_in_the_wrong_order_are_refused(reviewer: FlaskClient) -> None:
    answer = reviewer.get("/v1/drift?current_from=2026-01-01T00:00:00Z&reference_from=2026-02-01T00:00:00Z")
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_request")
