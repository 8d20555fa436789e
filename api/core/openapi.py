"""Additions to the OpenAPI document that APIFlask generates from the routes."""

import copy
import json
import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from apiflask import APIBlueprint, APIFlask
from flask import Response, request
from pydantic import BaseModel, ConfigDict, Field

from api.core.downloads import PARAMETER
from api.core.error_codes import ERROR_KINDS, PROBLEM_JSON, ErrorKind
from api.core.sessions import COOKIE, HEADER
from api.webhooks.document import describe_webhooks
from db.photos.formats import MEDIA_TYPES

Responses = dict[int | str, dict[str, str | dict[str, dict[str, Any]]]]
"""The error responses of a route, in APIFlask's form."""

_SESSION = "Session"
_SESSION_SCHEME = {
    "type": "apiKey",
    "in": "cookie",
    "name": COOKIE,
    "description": f"Somebody who is signed in to the pages. What changes something needs the header `{HEADER}` too.",
}

_PROTECTED = ("unauthorized", "rate_limited", "invalid_request")
_EVERYWHERE = ("bad_request", "database_unavailable", "internal_error")


class FieldError(BaseModel):
    """One invalid value."""

    model_config = ConfigDict(populate_by_name=True)

    place: str = Field(
        alias="in", description="Where the value was sent: `query`, `form`, `headers`.", examples=["query"]
    )
    field: str = Field(examples=["min_face_px"])
    reason: str = Field(examples=["Input should be greater than or equal to 8"])


class ProblemBody(BaseModel):
    """An error, in the form of RFC 9457."""

    type: str = Field(description="Where this kind of error is explained.", examples=["/docs/errors#not_found"])
    title: str = Field(description="The same for all errors of the kind.", examples=["Not found"])
    status: int = Field(description="The HTTP status.", examples=[404])
    code: str = Field(description="Stable, for programs.", examples=["not_found"])
    detail: str = Field(description="A sentence about this case.", examples=["there is no job 0197a2b4-..."])
    request_id: str | None = Field(
        description="Also in `X-Request-ID` and in the service's log.", examples=["0197a2b4"]
    )
    errors: list[FieldError] = Field(default_factory=list, description="The invalid fields, with the reasons.")


def describe_errors(*codes: str, is_protected: bool = True) -> Responses:
    """Return the error responses of a route, for its `responses`: these codes and those that any route may return."""
    wanted = (*codes, *(_PROTECTED if is_protected else ()), *_EVERYWHERE)
    by_status: dict[HTTPStatus, list[ErrorKind]] = {}
    for kind in (ERROR_KINDS[code] for code in dict.fromkeys(wanted)):
        by_status.setdefault(kind.status, []).append(kind)
    return {int(status): _describe_kinds(kinds) for status, kinds in by_status.items()}


def _describe_kinds(kinds: Sequence[ErrorKind]) -> dict[str, str | dict[str, dict[str, Any]]]:
    """Describe all kinds of error with the same status as one response."""
    return {
        "description": "\n\n".join(f"`{kind.code}`: {kind.meaning}" for kind in kinds),
        "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def describe_response(status: int, description: str, content: dict[str, dict[str, Any]] | None = None) -> Responses:
    """Describe a further response of a route. content: the schema of each media type."""
    return {
        status: {"description": description, "content": {name: {"schema": it} for name, it in (content or {}).items()}}
    }


def describe_picture(*media_types: str) -> Responses:
    """Describe a successful response that is a picture."""
    return describe_response(200, "The picture.", dict.fromkeys(media_types, _BINARY))


def describe_photo_body(options: type[BaseModel], json_body: type[BaseModel]) -> dict[str, Any]:
    """Describe the body of a route that takes one photo: a form, JSON, or the photo itself."""
    raw = {name: {"schema": _BINARY} for name in (*MEDIA_TYPES, "application/octet-stream")}
    content = {"multipart/form-data": _form(_BINARY, options), "application/json": _json(json_body), **raw}
    return {"requestBody": {"required": True, "content": content}}


def describe_batch_body(options: type[BaseModel], json_body: type[BaseModel]) -> dict[str, Any]:
    """Describe the body of a route that takes many photos: a form with one file field per photo, or JSON."""
    images = {"type": "array", "items": _BINARY, "minItems": 1}
    content = {"multipart/form-data": _form(images, options), "application/json": _json(json_body)}
    return {"requestBody": {"required": True, "content": content}}


_BINARY = {"type": "string", "format": "binary"}


def _json(body: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of a JSON body with its references inlined."""
    schema = body.model_json_schema()
    definitions = schema.pop("$defs", {})

    def write_out(part: Any) -> Any:
        if isinstance(part, list):
            return [write_out(each) for each in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            return write_out(definitions[part["$ref"].rsplit("/", 1)[1]])
        return {name: write_out(value) for name, value in part.items() if (name, value) != ("default", None)}

    written: dict[str, Any] = write_out(schema)
    for described in written["properties"].values():
        _tidy_schema(described)
    return {"schema": written}


def _form(image: dict[str, Any], options: type[BaseModel]) -> dict[str, Any]:
    schema = options.model_json_schema(ref_template=f"#/components/schemas/{options.__name__}.{{model}}")
    for described in schema["properties"].values():
        _tidy_schema(described)
    properties = {"image": {**image, "description": "The photo."}, **schema["properties"]}
    return {"schema": {"type": "object", "required": ["image"], "properties": properties}}


def register_openapi(app: APIFlask) -> None:
    """Complete the document each time it is generated."""

    @app.spec_processor
    def complete(spec: dict[str, Any] | str) -> dict[str, Any] | str:
        assert isinstance(spec, dict)  # the document is YAML text only if YAML was requested
        problem = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}", by_alias=True)
        schemas = spec.setdefault("components", {}).setdefault("schemas", {})
        schemas |= {**problem.pop("$defs"), "Problem": problem}
        spec["components"].setdefault("securitySchemes", {})[_SESSION] = _SESSION_SCHEME
        spec["tags"] = list({tag["name"]: tag for tag in spec["tags"]}.values())  # two blueprints may share a tag
        spec["webhooks"], data = describe_webhooks()
        schemas |= data
        spec = _shorten_names(spec)
        _name_operations(app, spec)
        _describe_downloads(spec)
        for path, operations in spec["paths"].items():
            for operation in operations.values():
                if path.startswith("/v1/"):
                    # APIFlask adds security to the first blueprint with this scheme only
                    operation["security"] = [{_SESSION if path.startswith("/v1/account/") else "BearerAuth": []}]
                if set(operation.get("requestBody", {}).get("content", ())) == {"application/json"}:
                    too_large = ERROR_KINDS["body_too_large"]
                    operation["responses"][str(too_large.status.value)] = _describe_kinds([too_large])
                operation["responses"] = dict(sorted(operation["responses"].items()))
                for parameter in operation.get("parameters", ()):
                    _tidy_parameter(parameter)
        return spec

    @app.after_request
    def name_prefix(response: Response) -> Response:
        """Prefix the document's paths if a proxy serves us below a path. The document is generated once for all requests."""
        if request.endpoint == "openapi.spec" and request.script_root:
            response.data = json.dumps({**json.loads(response.data), "servers": [{"url": request.script_root}]})
        return response


def _describe_downloads(spec: dict[str, Any]) -> None:
    """Document the downloads of every list."""
    for operations in spec["paths"].values():
        operation = operations.get("get")
        content = (operation or {}).get("responses", {}).get("200", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema", {})
        found = spec["components"]["schemas"].get(schema.get("$ref", "").rsplit("/", 1)[-1], {})
        if operation is not None and found.get("properties", {}).get("items", {}).get("type") == "array":
            operation.setdefault("parameters", []).append(copy.deepcopy(PARAMETER))
            content |= {name: {"schema": _BINARY} for name in ("text/csv", "application/jsonl")}


def _name_operations(app: APIFlask, spec: dict[str, Any]) -> None:
    """Name each operation after its view function, such as `createJob`."""
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:[^:<>]+:)?(\w+)>", r"{\1}", rule.rule)
        words = app.view_functions[rule.endpoint].__name__.split("_")
        for method in rule.methods or ():
            operation = spec["paths"].get(path, {}).get(method.lower())
            if operation is not None:
                operation["operationId"] = words[0] + "".join(word.capitalize() for word in words[1:])


def hide_pages(app: APIFlask) -> None:
    """Keep the pages out of the document. APIFlask asks every blueprint for `enable_openapi`, which Flask's own blueprints lack.

    Call it after the last blueprint is registered.
    """
    for blueprint in app.blueprints.values():
        if not isinstance(blueprint, APIBlueprint):
            blueprint.enable_openapi = False  # type: ignore[attr-defined]


def _shorten_names(spec: dict[str, Any]) -> dict[str, Any]:
    """Shorten schema names. APIFlask registers a nested model once per parent, as `Job.Face`; one `Face` is enough."""
    schemas = spec["components"]["schemas"]
    text = json.dumps(spec)
    for name in schemas:
        if "." in name:
            text = text.replace(f'"#/components/schemas/{name}"', f'"#/components/schemas/{name.rsplit(".", 1)[1]}"')
    shortened: dict[str, Any] = json.loads(text)
    found = shortened["components"]["schemas"]
    shortened["components"]["schemas"] = {name.rsplit(".", 1)[-1]: found[name] for name in sorted(found)}
    return shortened


def _tidy_parameter(parameter: dict[str, Any]) -> None:
    """Move the description from a parameter's schema to the parameter, where tools look for it."""
    if parameter["in"] == "header":
        parameter["name"] = parameter["name"].title()  # header names as HTTP writes them
    schema = parameter["schema"]
    _tidy_schema(schema)
    if "description" in schema:
        parameter["description"] = schema.pop("description")


def _tidy_schema(schema: dict[str, Any]) -> None:
    """Remove what pydantic adds and nobody needs: titles made from names, and null defaults."""
    schema.pop("title", None)
    if schema.get("default", ...) is None:
        del schema["default"]
