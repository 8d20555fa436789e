"""Rollbacks that name the versions they mean. What else promotions do is told beside training runs."""

import pytest
from flask.testing import FlaskClient

from db.core.session import Database
from db.model_versions import actions as model_versions
from db.model_versions.tables import ModelVersion
from tests.support.factories.actors import TEST
from tests.support.factories.model_versions import make_manifest


@pytest.fixture(autouse=True)
def second(database: Database, champion: ModelVersion) -> None:
    """Version 2 is in service, and version 1 was before it."""
    with database.write() as session:
        version = model_versions.add_version(session, "second", "e" * 64, make_manifest())
        model_versions.promote(session, version, TEST, "better")


def test_the_same_rollback_is_done_once(admin: FlaskClient) -> None:
    body = {"reason": "worse", "from_version": 2, "to_version": 1}
    assert admin.post("/v1/promotions/rollback", json=body).status_code == 201
    again = admin.post("/v1/promotions/rollback", json=body)
    assert (again.status_code, again.get_json()["code"]) == (409, "champion_changed")
    assert admin.get("/v1/model-versions/champion").get_json()["number"] == 1


def test_without_numbers_a_second_rollback_goes_back(admin: FlaskClient) -> None:
    for number in (1, 2):
        assert admin.post("/v1/promotions/rollback", json={"reason": "worse"}).status_code == 201
        assert admin.get("/v1/model-versions/champion").get_json()["number"] == number


@pytest.mark.parametrize("number", [-1, 2**31, 10**22])
def test_what_is_no_number_of_a_version_is_refused(admin: FlaskClient, number: int) -> None:
    answer = admin.post("/v1/promotions/rollback", json={"reason": "worse", "to_version": number})
    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid_request")
