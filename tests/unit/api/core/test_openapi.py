"""The OpenAPI document: complete, valid, and true of what the service answers."""

import io
import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from apiflask import APIFlask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, assume, given, settings
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from sqlalchemy import select

from api.core.sessions import COOKIE
from db.core.session import Database
from db.core.vocabulary import Scope, TrainingRunStatus, TrainingTrigger, WorkerState
from db.training_runs.lifecycle import create_run
from db.training_runs.tables import TrainingRun
from tests.support.factories.accounts import add_key
from tests.support.factories.actors import TEST
from tests.support.played_worker import PlayedWorker
from tests.support.visitors import Visitor

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def document(app: APIFlask) -> dict[str, Any]:
    found: dict[str, Any] = app.test_client().get("/openapi.json").get_json()
    return found


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


EXAMPLES = int(os.environ.get("OPENAPI_EXAMPLES", "4"))
"""Requests of each operation and mode. `make test-openapi` asks for more."""


class World:
    """What requests may name: throw-away jobs, keys, users, endpoints and so on, made again whenever they are used up."""

    def __init__(self, admin: FlaskClient, database: Database, worker: PlayedWorker, photo: bytes) -> None:
        self.photo = photo
        self._admin, self._database, self._worker = admin, database, worker
        self._count = 0
        self._makers: dict[str, Callable[[], object]] = {
            "job_id": self._make_job,
            "face_id": lambda: self._admin.get(f"/v1/jobs/{self._make_job()}").get_json()["faces"][0]["id"],
            "batch_id": self._make_batch,
            "export_id": self._make_export,
            "run_id": self._make_run,
            "webhook_id": self._make_webhook,
            "delivery_id": self._make_delivery,
            "prefix": lambda: self._post("/v1/keys", {"application": "throw-away"})["key"][:12],
            "name": self._make_user,
            "session_id": lambda: 1,
            "number": lambda: 1,
            "first": lambda: 1,
            "second": lambda: 1,
        }

    def make(self, name: str) -> object:
        """Something that a path may name."""
        return self._makers[name]()

    def _post(self, path: str, body: dict[str, object] | None = None) -> dict[str, Any]:
        answer = self._admin.post(path, json=body) if body else self._admin.post(path)
        assert answer.status_code < 300, (path, answer.text)
        made: dict[str, Any] = answer.get_json()
        return made

    def _make_job(self) -> str:
        job_id: str = self._admin.post("/v1/jobs", data=self.photo).get_json()["id"]
        self._worker.analyze(job_id, self._worker.see())
        return job_id

    def _make_batch(self) -> str:
        form = {"image": [(io.BytesIO(self.photo), "a.jpg"), (io.BytesIO(b"x"), "b.jpg")], "open": "true"}
        batch_id: str = self._admin.post("/v1/batches", data=form).get_json()["id"]
        return batch_id

    def _make_export(self) -> object:
        """Nobody writes it, and only a few may wait: the ones before are deleted."""
        for export in self._admin.get("/v1/exports?limit=200").get_json()["items"]:
            self._admin.delete(export["url"])
        return self._post("/v1/exports")["id"]

    def _make_run(self) -> str:
        with self._database.write() as session:
            for run in session.scalars(select(TrainingRun).where(TrainingRun.status == TrainingRunStatus.QUEUED)):
                return str(run.id)
            return str(create_run(session, TrainingTrigger.COMMAND, TEST).id)

    def _make_webhook(self) -> str:
        for endpoint in self._admin.get("/v1/webhooks").get_json()["items"][10:]:  # an application may have twenty
            self._admin.delete(f"/v1/webhooks/{endpoint['id']}")
        body: dict[str, object] = {"url": "https://example.com/", "events": ["job.succeeded"]}
        webhook_id: str = self._post("/v1/webhooks", body)["webhook"]["id"]
        return webhook_id

    def _make_delivery(self) -> str:
        self._post(f"/v1/webhooks/{self._make_webhook()}/test")
        delivery_id: str = self._admin.get("/v1/webhook-deliveries").get_json()["items"][0]["id"]
        return delivery_id

    def _make_user(self) -> str:
        self._count += 1
        name = f"ana-{self._count}"
        self._post("/v1/users", {"name": name, "password": "correct horse battery", "role": "viewer"})
        return name


def read_without_credentials(client: FlaskClient) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The document, and its operations by method and path, as if nothing asked for a key."""
    document: dict[str, Any] = client.get("/openapi.json").get_json()
    del document["components"]["securitySchemes"]
    documented = {}
    for path, operations in document["paths"].items():
        for method, described in operations.items():
            described.pop("security", None)
            documented[f"{method.upper()} {path}"] = described
    return document, documented


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_answers_are_as_described_whatever_is_asked(
    open_app: Callable[..., APIFlask],
    database: Database,
    worker: PlayedWorker,
    administrator: Visitor,
    photo: bytes,
    mode: GenerationMode,
) -> None:
    """Schemathesis asks what the document allows, then what it doesn't; no answer may be undocumented or a failure.

    Its key may do everything, and every write is done.
    """
    app = open_app(rate_limit="", max_wait_s=1)
    key = add_key(database, "office", Scope)
    admin = app.test_client()
    cookie = administrator.client.get_cookie(COOKIE)
    assert cookie is not None
    by_key = {"HTTP_AUTHORIZATION": f"Bearer {key}"}
    by_session = {"HTTP_COOKIE": f"{COOKIE}={cookie.value}", "HTTP_X_CSRF_TOKEN": administrator.csrf_token}
    answer = app.wsgi_app

    def answer_with_credentials(environ: dict[str, Any], start: Any) -> Any:
        """Schemathesis would leave the credentials out of half of the requests that it wants to be refused for something else."""
        return answer(environ | (by_session if environ["PATH_INFO"].startswith("/v1/account") else by_key), start)

    setattr(app, "wsgi_app", answer_with_credentials)  # noqa: B010 - as Flask says to wrap it
    world = World(admin, database, worker, photo)
    document, documented = read_without_credentials(admin)
    schema = schemathesis.openapi.from_dict(document)
    schema.app = app
    asked: Counter[str] = Counter()
    statuses: Counter[int] = Counter()
    left_out = set()

    def ask_for(operation: Any) -> None:
        """Send some requests of one operation, and check their answers."""

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: schemathesis.Case[Any]) -> None:
            # what isn't sent can't be refused
            assume(all(value not in ([], {}, [None]) for value in (case.query or {}).values()))
            if asked[operation.label] % 4:  # a quarter names what isn't there
                case.path_parameters = {name: world.make(name) for name in case.path_parameters}
            if (case.media_type or "").startswith("image/") and mode is GenerationMode.POSITIVE:
                case.body = photo
            asked[operation.label] += 1
            # a schema can't say that bytes are a picture, or that a host is public
            excluded: list[Any] = [positive_data_acceptance]
            if mode is GenerationMode.POSITIVE:  # Schemathesis takes a real photo for a fault
                excluded.append(negative_data_rejection)
            found = case.call_and_validate(excluded_checks=excluded)
            statuses[found.status_code] += 1

        worker.report(WorkerState.READY)  # heartbeats age
        ask()

    for result in schema.get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr] # an error raises
        if mode is GenerationMode.NEGATIVE and not (operation.query.items or operation.body.items):
            left_out.add(operation.label)
        else:
            ask_for(operation)
    done = dict(sorted(statuses.items()))
    print(
        f"{mode.name}: {len(asked)} operations, {asked.total()} requests, answers {done}, left out: {sorted(left_out)}"
    )
    assert asked.keys() | left_out == documented.keys()
    assert all(
        not operation.get("requestBody") and all(each["in"] != "query" for each in operation.get("parameters", ()))
        for label, operation in documented.items()
        if label in left_out
    )
    assert statuses[403] < asked.total() / 10
