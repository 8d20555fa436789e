"""What the OpenAPI document says beyond what APIFlask reads off the routes."""

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
"""The responses of a route beside that of its success, as APIFlask takes them."""

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
    """One value that isn't allowed."""

    model_config = ConfigDict(populate_by_name=True)

    place: str = Field(alias="in", description="Where it was: `query`, `form`, `headers`.", examples=["query"])
    field: str = Field(examples=["min_face_px"])
    reason: str = Field(examples=["Input should be greater than or equal to 8"])


class ProblemBody(BaseModel):
    """An error, in the form of RFC 9457."""

    type: str = Field(description="Where this kind of error is explained.", examples=["/docs/errors#not_found"])
    title: str = Field(description="The same for all errors of the kind.", examples=["Not found"])
    status: int = Field(description="The HTTP status.", examples=[404])
    code: str = Field(description="Stable, for programs.", examples=["not_found"])
    detail: str = Field(description="A sentence on this very case.", examples=["there is no job 0197a2b4-..."])
    request_id: str | None = Field(
        description="Also in `X-Request-ID` and in the service's log.", examples=["0197a2b4"]
    )
    errors: list[FieldError] = Field(default_factory=list, description="What is wrong with which field.")


def describe_errors(*codes: str, is_protected: bool = True) -> Responses:
    """The error responses of a route, for its `responses`: these codes, and those that any route may answer with."""
    wanted = (*codes, *(_PROTECTED if is_protected else ()), *_EVERYWHERE)
    by_status: dict[HTTPStatus, list[ErrorKind]] = {}
    for kind in (ERROR_KINDS[code] for code in dict.fromkeys(wanted)):
        by_status.setdefault(kind.status, []).append(kind)
    return {int(status): _describe_kinds(kinds) for status, kinds in by_status.items()}


def _describe_kinds(kinds: Sequence[ErrorKind]) -> dict[str, str | dict[str, dict[str, Any]]]:
    """One response, which stands for all kinds of error with its status."""
    return {
        "description": "\n\n".join(f"`{kind.code}`: {kind.meaning}" for kind in kinds),
        "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def describe_response(status: int, description: str, content: dict[str, dict[str, Any]] | None = None) -> Responses:
    """One more response of a route. content: the schema of each media type."""
    return {
        status: {"description": description, "content": {name: {"schema": it} for name, it in (content or {}).items()}}
    }


def describe_picture(*media_types: str) -> Responses:
    """A success that is a picture."""
    return describe_response(200, "The picture.", dict.fromkeys(media_types, _BINARY))


def describe_photo_body(options: type[BaseModel], json_body: type[BaseModel]) -> dict[str, Any]:
    """The body of a route that takes one photo: a form, JSON, or the photo itself."""
    raw = {name: {"schema": _BINARY} for name in (*MEDIA_TYPES, "application/octet-stream")}
    content = {"multipart/form-data": _form(_BINARY, options), "application/json": _json(json_body), **raw}
    return {"requestBody": {"required": True, "content": content}}


def describe_batch_body(options: type[BaseModel], json_body: type[BaseModel]) -> dict[str, Any]:
    """The body of a route that takes many photos: a form with a file field for each, or JSON."""
    images = {"type": "array", "items": _BINARY, "minItems": 1}
    content = {"multipart/form-data": _form(images, options), "application/json": _json(json_body)}
    return {"requestBody": {"required": True, "content": content}}


_BINARY = {"type": "string", "format": "binary"}


def _json(body: type[BaseModel]) -> dict[str, Any]:
    """The schema of a JSON body, with what it refers to written out in place."""
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
    """Complete the document whenever it is made."""

    @app.spec_processor
    def complete(spec: dict[str, Any] | str) -> dict[str, Any] | str:
        assert isinstance(spec, dict)  # a text only where YAML is asked for
        problem = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}", by_alias=True)
        schemas = spec.setdefault("components", {}).setdefault("schemas", {})
        schemas |= {**problem.pop("$defs"), "Problem": problem}
        spec["components"].setdefault("securitySchemes", {})[_SESSION] = _SESSION_SCHEME
        spec["tags"] = list({tag["name"]: tag for tag in spec["tags"]}.values())  # two blueprints may share one
        spec["webhooks"], data = describe_webhooks()
        schemas |= data
        spec = _shorten_names(spec)
        _name_operations(app, spec)
        _describe_downloads(spec)
        for path, operations in spec["paths"].items():
            for operation in operations.values():
                if path.startswith("/v1/"):
                    # APIFlask says it for the first blueprint with this authentication, and forgets the others
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
        """Behind a proxy that serves us under a path, the document's paths begin there; it is made once, for all."""
        if request.endpoint == "openapi.spec" and request.script_root:
            response.data = json.dumps({**json.loads(response.data), "servers": [{"url": request.script_root}]})
        return response


def _describe_downloads(spec: dict[str, Any]) -> None:
    """Say of every list that it is given as a file too."""
    for operations in spec["paths"].values():
        operation = operations.get("get")
        content = (operation or {}).get("responses", {}).get("200", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema", {})
        found = spec["components"]["schemas"].get(schema.get("$ref", "").rsplit("/", 1)[-1], {})
        if operation is not None and found.get("properties", {}).get("items", {}).get("type") == "array":
            operation.setdefault("parameters", []).append(copy.deepcopy(PARAMETER))
            content |= {name: {"schema": _BINARY} for name in ("text/csv", "application/jsonl")}


def _name_operations(app: APIFlask, spec: dict[str, Any]) -> None:
    """Give each operation the name of the function that serves it, as `createJob`."""
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:[^:<>]+:)?(\w+)>", r"{\1}", rule.rule)
        words = app.view_functions[rule.endpoint].__name__.split("_")
        for method in rule.methods or ():
            operation = spec["paths"].get(path, {}).get(method.lower())
            if operation is not None:
                operation["operationId"] = words[0] + "".join(word.capitalize() for word in words[1:])


def hide_pages(app: APIFlask) -> None:
    """Keep the pages out of the document. APIFlask asks every blueprint whether it belongs there; Flask's own can't answer.

    Call it after the last blueprint is registered.
    """
    for blueprint in app.blueprints.values():
        if not isinstance(blueprint, APIBlueprint):
            blueprint.enable_openapi = False  # type: ignore[attr-defined]


def _shorten_names(spec: dict[str, Any]) -> dict[str, Any]:
    """APIFlask registers a nested model once under each model that holds it, as `Job.Face`; one `Face` is enough."""
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
    """OpenAPI tools show a parameter's own description, not its schema's."""
    if parameter["in"] == "header":
        parameter["name"] = parameter["name"].title()  # as HTTP writes them
    schema = parameter["schema"]
    _tidy_schema(schema)
    if "description" in schema:
        parameter["description"] = schema.pop("description")


def _tidy_schema(schema: dict[str, Any]) -> None:
    """Take out what pydantic adds and nobody needs: titles made from names, and that what isn't given is null."""
    schema.pop("title", None)
    if schema.get("default", ...) is None:
        del schema["default"]
