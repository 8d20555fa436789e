import pytest
from flask.testing import FlaskClient

from tests.support.visitors import Visitor

PASSWORD = "correct horse battery"


def test_people_are_added_changed_and_logged(admin: FlaskClient) -> None:
    made = admin.post("/v1/users", json={"name": "Ben", "password": PASSWORD, "role": "viewer"})
    assert (made.status_code, made.get_json()["name"]) == (201, "ben")
    again = admin.post("/v1/users", json={"name": "ben", "password": PASSWORD, "role": "viewer"})
    assert (again.status_code, again.get_json()["code"]) == (422, "invalid_user")
    changed = admin.patch("/v1/users/ben", json={"role": "reviewer", "is_disabled": True})
    assert (changed.get_json()["role"], changed.get_json()["is_disabled"]) == ("reviewer", True)
    assert admin.patch("/v1/users/eva", json={}).get_json()["code"] == "unknown_user"
    assert [user["name"] for user in admin.get("/v1/users").get_json()["items"]] == ["ben"]
    log = admin.get("/v1/changes", query_string={"subject": "user:ben", "limit": 2}).get_json()
    assert [change["action"] for change in log["items"]] == ["user.disable", "user.change_role"]
    assert log["items"][0]["actor"] == "application:office"
    [first] = admin.get(log["next"]).get_json()["items"]
    assert first["action"] == "user.create"
    assert PASSWORD not in str(log) + str(first)


def test_the_last_administrator_is_neither_shut_out_nor_demoted(admin: FlaskClient) -> None:
    admin.post("/v1/users", json={"name": "eva", "password": PASSWORD, "role": "administrator"})
    for change in ({"is_disabled": True}, {"role": "viewer"}):
        refused = admin.patch("/v1/users/eva", json=change)
        assert (refused.status_code, refused.get_json()["code"]) == (409, "last_administrator")
    admin.post("/v1/users", json={"name": "max", "password": PASSWORD, "role": "administrator"})
    assert admin.patch("/v1/users/eva", json={"role": "viewer"}).get_json()["role"] == "viewer"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nobody_shuts_themselves_out_over_the_api(administrator: Visitor, admin: FlaskClient) -> None:
    """Another administrator is there, so nothing else refuses it; a key may do it."""
    admin.post("/v1/users", json={"name": "eva", "password": PASSWORD, "role": "administrator"})
    proof = {"X-CSRF-Token": administrator.csrf_token}
    for change in ({"is_disabled": True}, {"role": "viewer"}):
        refused = administrator.client.patch("/v1/users/Administrator", json=change, headers=proof)
        assert (refused.status_code, refused.get_json()["code"]) == (409, "own_account")
    assert admin.patch("/v1/users/administrator", json={"role": "viewer"}).status_code == 200
