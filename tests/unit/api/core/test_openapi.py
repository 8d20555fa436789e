"""The OpenAPI document: complete, valid, and true of what the service answers."""

import io
from typing import Any

import pytest
import schemathesis
from apiflask import APIFlask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, assume, given, settings
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from db.core.session import Database
from db.core.vocabulary import TrainingTrigger, WorkerState
from db.training_runs.lifecycle import create_run

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def document(app: APIFlask) -> dict[str, Any]:
    return app.test_client().get("/openapi.json").get_json()


def test_the_document_is_valid_openapi(document: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(document).validate()
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_call_and_every_parameter_is_described(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["summary"], path
            assert operation["tags"], path
            for parameter in operation.get("parameters", ()):
                is_id = parameter["in"] == "path"
                assert is_id or parameter["description"], (path, parameter["name"])


def test_every_field_of_a_face_has_an_example(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name in ("Face", "BoundingBox", "Probabilities", "Photo", "Problem"):
        for field, schema in schemas[name]["properties"].items():
            assert "examples" in schema or "$ref" in schema or "anyOf" in schema or schema["type"] == "array", (
                name,
                field,
            )
    assert "appears to express" in schemas["Face"]["description"]


def test_every_call_under_v1_asks_for_a_key_and_says_so(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            is_protected = path.startswith("/v1/")
            assert ("security" in operation) is is_protected, path
            assert ("401" in operation["responses"]) is is_protected, path


def test_every_call_with_a_body_says_that_it_may_be_too_large(document: dict[str, Any]) -> None:
    bodies = {"application/json": "body_too_large", "multipart/form-data": "photo_too_large"}
    found = []
    for operations in document["paths"].values():
        for operation in operations.values():
            for kind in set(operation.get("requestBody", {}).get("content", ())) & bodies.keys():
                assert bodies[kind] in operation["responses"]["413"]["description"]
                found.append(kind)
    assert set(found) == set(bodies)


def test_no_name_is_there_twice(document: dict[str, Any]) -> None:
    names = document["components"]["schemas"]
    assert {"Job", "Face", "Batch", "ModelVersion", "Problem"} <= set(names)
    assert not any("." in name for name in names)
    identifiers = [each["operationId"] for path in document["paths"].values() for each in path.values()]
    assert len(identifiers) == len(set(identifiers))


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_answers_are_as_described_whatever_is_asked(
    app: APIFlask, client: FlaskClient, database: Database, worker: Any, photo: bytes, mode: GenerationMode
) -> None:
    """Schemathesis asks what the document allows, then what it doesn't; no answer may be undocumented or a failure."""
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app)
    headers = {"Authorization": client.environ_base["HTTP_AUTHORIZATION"]}
    worker.report(WorkerState.READY)
    batch = client.post("/v1/batches", data={"image": [(io.BytesIO(photo), "a.jpg")]}).get_json()
    job_id = batch["photos"][0]["job_id"]
    worker.analyze(job_id, worker.see())
    face_id = client.get(f"/v1/jobs/{job_id}").get_json()["faces"][0]["id"]
    with database.write() as session:
        run_id = str(create_run(session, TrainingTrigger.COMMAND, "test").id)
    export_id = client.post("/v1/exports").get_json()["id"]
    there = {
        "batch_id": batch["id"],
        "job_id": job_id,
        "face_id": face_id,
        "run_id": run_id,
        "export_id": export_id,
    }
    there |= {"number": 1, "first": 1, "second": 1}
    asked = []

    for result in schema.get_all_operations():
        operation = result.ok()
        if mode is GenerationMode.NEGATIVE and not operation.query.items:
            continue

        @settings(
            max_examples=6,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: schemathesis.Case) -> None:
            if case.method == "GET":
                case.path_parameters = {name: there.get(name, str(run_id)) for name in case.path_parameters}
            # what isn't sent can't be refused
            assume(all(value not in ([], {}, [None]) for value in (case.query or {}).values()))
            # a schema can't say that bytes are a picture, or that a host is public
            case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])

        ask()
        asked.append(operation.label)
    assert "POST /v1/jobs" in asked
