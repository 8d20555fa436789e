import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient


def test_a_key_is_made_listed_without_itself_and_revoked(admin: FlaskClient, app: APIFlask) -> None:
    key = admin.post("/v1/keys", json={"application": "kiosk", "scopes": ["submit"]}).get_json()["key"]
    headers = {"Authorization": f"Bearer {key}"}
    assert app.test_client().get("/v1/jobs", headers=headers).status_code == 200
    listed = admin.get("/v1/keys")
    assert key not in listed.text
    [mine] = [each for each in listed.get_json()["items"] if each["application"] == "kiosk"]
    assert admin.delete(f"/v1/keys/{mine['prefix']}").status_code == 204
    assert admin.delete(f"/v1/keys/{mine['prefix']}").status_code == 404
    assert admin.delete("/v1/keys/emo_").status_code == 204  # one valid key is left that starts like this: its own
    assert app.test_client().get("/v1/jobs", headers=headers).status_code == 401


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\tb", "a\u2028b", "all", " All ", "x" * 101])
def test_an_application_gets_no_name_that_cannot_be_told_or_asked_for(admin: FlaskClient, name: str) -> None:
    answer = admin.post("/v1/keys", json={"application": name})
    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid_request")
    assert answer.get_json()["errors"][0]["field"] == "application"


def test_spaces_around_an_applications_name_make_no_other_one(admin: FlaskClient) -> None:
    for name in ("фото-café ☕", "  фото-café ☕ "):
        assert admin.post("/v1/keys", json={"application": name}).status_code == 201
    named = [key["application"] for key in admin.get("/v1/keys").get_json()["items"]]
    assert named == ["office", "фото-café ☕", "фото-café ☕"]
