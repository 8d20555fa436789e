"""The client's operations and models are those of the server's OpenAPI document."""

import inspect
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID, uuid4

import pytest

from emoscope_client import JobFilters, JobOptions, Problem, Result, Retries
from emoscope_client.operations import Operations
from emoscope_client.steps import Call
from tests.support.scripted_steps import carry_out

OPERATIONS = sorted(
    name for name in dir(Operations) if not name.startswith("_") and name not in {"address", "retries", "timeout_s"}
)
EXAMPLES: dict[str, list[Any]] = {
    "photo": [b"photo"],
    "photos": [[b"photo"]],
    "job": [str(uuid4())],
    "batch": [str(uuid4())],
    "number": [1],
    "url": ["https://example.com/"],
    "events": [["job.succeeded"]],
    "prefix": ["emo_4fWk0s9Q"],
    "application": ["shop"],
    "path": ["rows.csv"],
    "since": [datetime(2026, 3, 1, tzinfo=UTC)],
}
RENAMED = {"wait_s": "wait", "timeout_s": "wait"}
"""Parameters of the client that are called otherwise in the API."""
FORMAT = "format"
"""Chooses the media type of a list. The client reads JSON, and has `download_rows` for files."""
COVERED_TAGS = {"Jobs", "Batches", "Exports", "Pictures", "Webhooks"}
"""What applications do. The rest is administration, but for the model versions and the health that the client reads."""


def get_first_call(name: str) -> Call:
    """The request that an operation begins with."""
    operation = getattr(Operations("http://api", Retries(), 30), name)
    parameters = inspect.signature(operation).parameters.values()
    given = [
        EXAMPLES.get(parameter.name, [str(uuid4())])[0]
        for parameter in parameters
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    needed = {
        parameter.name: EXAMPLES[parameter.name][0]
        for parameter in parameters
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty
    }
    return carry_out(operation(*given, **needed), OSError("enough")).calls[0]


def list_body_fields(document: dict[str, Any], described: dict[str, Any]) -> set[str]:
    """The fields of an operation's JSON body, where it has no other form."""
    content = described.get("requestBody", {}).get("content", {})
    if set(content) != {"application/json"}:
        return set()
    name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
    return set(document["components"]["schemas"][name]["properties"])


def find_operation(document: dict[str, Any], call: Call) -> tuple[str, dict[str, Any]]:
    """The path and the description of what a request asks for; exact paths come before those with a variable."""
    for path in sorted(document["paths"], key=lambda path: path.count("{")):
        pattern = re.sub(r"\{\w+\}", "[^/]+", path)
        if re.fullmatch(pattern, call.path) and call.method.lower() in document["paths"][path]:
            return path, document["paths"][path][call.method.lower()]
    raise AssertionError(f"the API has no {call.method} {call.path}")


def list_parameters(name: str) -> set[str]:
    """What an operation lets the caller choose, by the API's names."""
    found = set()
    for parameter in inspect.signature(getattr(Operations, name)).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            (options,) = get_args(parameter.annotation)
            found |= set(get_type_hints(options))
        elif parameter.kind is parameter.KEYWORD_ONLY:
            found.add(RENAMED.get(parameter.name, parameter.name))
    return found


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_is_one_of_the_api_with_all_its_parameters(document: dict[str, Any], name: str) -> None:
    call = get_first_call(name)
    _, described = find_operation(document, call)
    query = {each["name"] for each in described.get("parameters", ()) if each["in"] == "query"}
    query -= {FORMAT} - list_parameters(name)
    headers = {each["name"] for each in described.get("parameters", ()) if each["in"] == "header"}
    assert set(call.params) <= query
    assert set(call.headers) <= headers
    body = list_body_fields(document, described)
    assert set(call.json or ()) <= body
    considered = list_parameters(name) - {"idempotency_key"} - body
    if name.startswith("wait_for_") or "Prefer" in headers:
        considered = considered - {"wait"} | (query & {"wait"})
    assert considered == query


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_returns_what_the_api_documents(document: dict[str, Any], name: str) -> None:
    _, described = find_operation(document, get_first_call(name))
    _, _, returned = get_args(get_type_hints(getattr(Operations, name))["return"])
    answers = [answer for status, answer in described["responses"].items() if status.startswith("2")]
    contents = [answer.get("content", {}) for answer in answers]
    files = {"text/csv", "application/jsonl"} if any("application/json" in content for content in contents) else set()
    schemas = [kind["schema"] for content in contents for name, kind in content.items() if name not in files]
    if returned is NoneType:
        assert schemas == [] or name.startswith("download_")  # which write them to a file
    elif returned is bytes:
        assert all(schema["format"] == "binary" for schema in schemas)
    else:
        assert {schema["$ref"].rpartition("/")[2] for schema in schemas} == {returned.__name__}


def test_every_operation_that_applications_use_is_there(document: dict[str, Any]) -> None:
    here = {(call.method.lower(), find_operation(document, call)[0]) for call in map(get_first_call, OPERATIONS)}
    there = {
        (method, path)
        for path, operations in document["paths"].items()
        for method, described in operations.items()
        if set(described["tags"]) & COVERED_TAGS
    }
    assert there - here == set()


def list_results(kind: type[Result]) -> Iterator[type[Result]]:
    """A result's class, and those of what it contains."""
    yield kind
    for hint in get_type_hints(kind).values():
        for part in (hint, *get_args(hint)):
            if isinstance(part, type) and issubclass(part, Result):
                yield from list_results(part)


def list_all_results() -> set[type[Result]]:
    returned = (get_args(get_type_hints(getattr(Operations, name))["return"])[2] for name in OPERATIONS)
    roots = [kind for kind in returned if isinstance(kind, type) and issubclass(kind, Result)]
    return {kind for root in (*roots, Problem) for kind in list_results(root)}


def describe_hint(hint: Any) -> Any:
    """A type hint in the form of `describe_schema`."""
    arguments = get_args(hint)
    if get_origin(hint) in {Union, UnionType}:
        (inner,) = (each for each in arguments if each is not NoneType)
        return {"nullable": describe_hint(inner)}
    if get_origin(hint) is Literal:
        return sorted(arguments)
    if get_origin(hint) is tuple:
        return {"list": describe_hint(arguments[0])}
    if get_origin(hint) is dict:
        return {"object": describe_hint(arguments[1])}
    if hint is object:
        return "anything"
    if issubclass(hint, Result):
        return hint.__name__
    return {
        str: "string",
        int: "integer",
        float: "number",
        bool: "boolean",
        UUID: "uuid",
        datetime: "date-time",
        date: "date",
    }[hint]


def describe_schema(document: dict[str, Any], schema: Any) -> Any:
    """What a schema allows: a word, a list of words, a model's name, or what is in a list, an object or a null."""
    if schema is True or schema == {}:
        return "anything"
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        enum = document["components"]["schemas"][name].get("enum")
        return sorted(enum) if enum else name
    if "anyOf" in schema:
        (inner,) = (each for each in schema["anyOf"] if each != {"type": "null"})
        return {"nullable": describe_schema(document, inner)}
    if "enum" in schema:
        return sorted(schema["enum"])
    if schema["type"] == "array":
        return {"list": describe_schema(document, schema["items"])}
    if schema["type"] == "object":
        return {"object": describe_schema(document, schema["additionalProperties"])}
    return schema.get("format", schema["type"])


def get_name(kind: type[Result]) -> str:
    return kind.__name__


RESULTS: list[type[Result]] = sorted(list_all_results(), key=get_name)


@pytest.mark.parametrize("kind", RESULTS, ids=get_name)
def test_each_model_has_the_fields_of_its_schema(document: dict[str, Any], kind: type[Result]) -> None:
    schema = document["components"]["schemas"][kind.__name__]
    here = {name.rstrip("_"): describe_hint(hint) for name, hint in get_type_hints(kind).items()}
    assert here == {name: describe_schema(document, each) for name, each in schema["properties"].items()}


@pytest.mark.parametrize(
    ("options", "path", "method"), [(JobOptions, "/v1/jobs", "post"), (JobFilters, "/v1/jobs", "get")]
)
def test_the_words_of_options_are_those_of_the_api(
    document: dict[str, Any], options: type, path: str, method: str
) -> None:
    described = {each["name"]: each["schema"] for each in document["paths"][path][method]["parameters"]}
    for name, hint in get_type_hints(options).items():
        for part in get_args(hint):
            if get_origin(part) is Literal:
                assert describe_schema(document, described[name]) == sorted(get_args(part)), name
