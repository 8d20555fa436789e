"""Properties of the OpenAPI document that client generators rely on."""

import re
from typing import Any

import pytest
from apiflask import APIFlask

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def document(app: APIFlask) -> dict[str, Any]:
    return dict(app.test_client().get("/openapi.json").get_json())


def list_operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    paths = (*document["paths"].values(), *document["webhooks"].values())
    return [operation for path in paths for operation in path.values()]


def test_every_operation_has_a_short_id_of_its_own(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for operation in list_operations(document)]
    assert len(set(ids)) == len(ids)
    assert {"createJob", "readJob", "listJobs", "createBatch", "createWebhook", "rotateKey", "onJobSucceeded"} <= set(
        ids
    )
    assert all(re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", each) and len(each) <= 32 for each in ids), ids


def test_every_status_and_parameter_is_described(document: dict[str, Any]) -> None:
    for operation in list_operations(document):
        assert operation["summary"], operation["operationId"]
        for status, answer in operation["responses"].items():
            assert answer.get("description"), (operation["operationId"], status)
        for parameter in operation.get("parameters", ()):
            if parameter["in"] != "path":
                assert parameter.get("description"), (operation["operationId"], parameter["name"])


def test_bodies_of_uploads_are_typed(document: dict[str, Any]) -> None:
    form = document["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["properties"]["image"]["format"] == "binary"
    assert form["required"] == ["image"]
    many = document["paths"]["/v1/batches"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert many["properties"]["image"]["items"]["format"] == "binary"
