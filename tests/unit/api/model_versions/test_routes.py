"""Model versions over HTTP."""

from flask.testing import FlaskClient

from db.core.session import Database
from db.core.vocabulary import PRETRAINED_CHAMPION
from db.model_versions import actions as model_versions
from db.model_versions.tables import ModelVersion
from tests.support.factories.model_versions import make_manifest


def test_versions_are_listed_newest_first_with_the_champion_marked(
    client: FlaskClient, champion: ModelVersion, database: Database
) -> None:
    with database.write() as session:
        model_versions.add_version(session, "second", "e" * 64, make_manifest("default"))
    items = client.get("/v1/model-versions").get_json()["items"]
    assert [(item["number"], item["name"], item["is_champion"]) for item in items] == [
        (2, "second", False),
        (1, "first", True),
    ]
    assert client.get("/v1/model-versions/1").get_json() == items[1]
    assert client.get("/v1/model-versions/champion").get_json() == items[1]
    assert items[1]["manifest"] == make_manifest()


def test_a_newer_release_that_has_not_been_in_service_is_named(
    client: FlaskClient, champion: ModelVersion, database: Database
) -> None:
    assert client.get("/v1/model-versions").get_json()["unused_release"] is None
    with database.write() as session:
        newer = model_versions.add_version(session, PRETRAINED_CHAMPION, "e" * 64, champion.manifest)
    assert client.get("/v1/model-versions").get_json()["unused_release"] == newer.number


def test_a_version_that_is_not_there_is_unknown(client: FlaskClient) -> None:
    for name in ("7", "champion", "99999999999999999999"):
        response = client.get(f"/v1/model-versions/{name}")
        assert (response.status_code, response.get_json()["code"]) == (404, "unknown_model_version")
    assert client.get("/v1/model-versions").get_json() == {"items": [], "unused_release": None}
