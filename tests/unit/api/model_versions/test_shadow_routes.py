"""Shadow mode over HTTP."""

import csv
import io

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from db.core.session import Database
from db.core.vocabulary import Emotion, ReviewSlice, Scope, VoteChoice
from db.model_versions import shadow
from db.model_versions.tables import ModelVersion
from db.reviews.actions import cast_vote
from db.reviews.tables import ReviewItem
from tests.support.factories.accounts import add_key, open_client_with_key
from tests.support.factories.analyses import Analyses
from tests.support.factories.faces import spread
from tests.support.factories.model_versions import add_version


@pytest.fixture
def administrator(app: APIFlask, database: Database) -> FlaskClient:
    """A client whose key may do everything."""
    key = add_key(database, "office", list(Scope))
    return open_client_with_key(app, key)


@pytest.fixture
def second(database: Database, champion: ModelVersion) -> ModelVersion:
    return add_version(database, "second")


def test_a_version_runs_in_shadow_mode_until_it_is_ended(administrator: FlaskClient, second: ModelVersion) -> None:
    path = "/v1/model-versions/challenger"
    assert administrator.get(path).get_json()["code"] == "no_challenger"
    put = administrator.put(path, json={"model_version": second.number, "reason": "see how it does"})
    assert (put.status_code, put.get_json()["is_challenger"], put.get_json()["is_champion"]) == (200, True, False)
    assert administrator.get(path).get_json() == put.get_json()
    shown = administrator.get("/v1/model-versions").get_json()["items"]
    assert [item["is_challenger"] for item in shown] == [True, False]
    assert administrator.delete(path).status_code == 204
    assert administrator.delete(path).get_json()["code"] == "no_challenger"


def test_the_champion_and_unknown_versions_are_refused(administrator: FlaskClient, champion: ModelVersion) -> None:
    path = "/v1/model-versions/challenger"
    for number, code in ((champion.number, "already_in_service"), (9, "unknown_model_version")):
        answer = administrator.put(path, json={"model_version": number, "reason": "see"})
        assert answer.get_json()["code"] == code


def test_shadow_mode_needs_a_scope(client: FlaskClient, second: ModelVersion) -> None:
    path = "/v1/model-versions/challenger"
    answers = (
        client.put(path, json={"model_version": second.number, "reason": "see"}),
        client.delete(path),
        client.get("/v1/model-versions/1/compare/2"),
    )
    assert [answer.get_json()["code"] for answer in answers] == ["scope_missing"] * 3


def test_two_versions_are_compared_on_live_faces(
    administrator: FlaskClient, second: ModelVersion, champion: ModelVersion, database: Database, analyses: Analyses
) -> None:
    photo = analyses.store((Emotion.HAPPY, 0.8), (Emotion.SAD, 0.7), version=champion.digest)
    answers = zip(photo.face_ids, (Emotion.HAPPY, Emotion.ANGRY), strict=True)
    with database.write() as session:
        shadow.add_shadow_predictions(
            session, second.id, {face_id: spread(emotion, 0.9) for face_id, emotion in answers}
        )
    answer = administrator.get(f"/v1/model-versions/{champion.number}/compare/{second.number}").get_json()
    assert answer["live"]["shared"] == 2
    assert answer["live"]["same"] == 1
    [difference] = answer["live"]["differences"]
    assert difference == {
        "face_id": str(photo.face_ids[1]),
        "first": {"emotion": "sad", "confidence": 0.7},
        "second": {"emotion": "angry", "confidence": 0.9},
        "label": None,
    }
    path = f"/v1/model-versions/{champion.number}/compare/{second.number}/differences"
    assert administrator.get(path).get_json()["items"] == [{**difference, "seen_in": "live"}]
    [row] = csv.DictReader(io.StringIO(administrator.get(f"{path}?format=csv").text))
    assert (row["seen_in"], row["first.emotion"], row["second.emotion"]) == ("live", "sad", "angry")
    assert (answer["live"]["second_right"], answer["live"]["p_value"]) == (0, None)
    assert answer["reviewed"]["shared"] == 0
    with database.write() as session:
        item = session.get_one(ReviewItem, photo.face_ids[1])
        item.slice, item.reserved_by = ReviewSlice.RANDOM, "ben"
        cast_vote(session, item.face_id, "ben", VoteChoice.ANGRY)
    live = administrator.get(f"/v1/model-versions/{champion.number}/compare/{second.number}").get_json()["live"]
    assert (live["first_right"], live["second_right"], live["p_value"]) == (0, 1, 1.0)
    assert administrator.get("/v1/model-versions/1/compare/99").get_json()["code"] == "unknown_model_version"
    assert administrator.get("/v1/model-versions/1/compare/2?limit=-1").get_json()["code"] == "invalid_request"
