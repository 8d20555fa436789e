"""Downloads of every list: `format=csv` or `format=jsonl` returns all rows from `cursor` on, with the list's filters.

A list is a GET route whose response schema has `items`. Pages are read one after the other while the file is sent, each in its own
transaction, so memory use doesn't grow with the file.
"""

import json
from collections.abc import Callable, Iterator
from functools import wraps
from http import HTTPStatus
from typing import Any, get_args
from urllib.parse import parse_qsl, urlsplit

from annotated_types import Le
from apiflask import APIFlask
from flask import Response, g, request
from pydantic import BaseModel
from werkzeug.datastructures import ImmutableMultiDict

from api.core.errors import make_invalid_request
from db.core.vocabulary import ExportFormat
from db.exports.writing import MEDIA_TYPES, write_pages

FORMAT = "format"
PARAMETER = {
    "in": "query",
    "name": FORMAT,
    "required": False,
    "description": "Instead of a page of JSON, all rows from here on as a file: `csv` or `jsonl`. In CSV, fields of objects are "
    "columns such as `error.code`, and text that a spreadsheet would interpret as a formula is prefixed with an apostrophe.",
    "schema": {"type": "string", "enum": [each.value for each in ExportFormat]},
}
"""The `format` parameter of every list in the OpenAPI document."""

View = Callable[..., Any]
Args = ImmutableMultiDict[str, str]


def register_downloads(app: APIFlask) -> None:
    """Make every list registered so far downloadable."""
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        item = find_item(view)
        if item is not None and "GET" in (rule.methods or ()):
            name = view.__name__.removeprefix("list_").removeprefix("read_").replace("_", "-")
            app.view_functions[rule.endpoint] = _make_downloadable(app, view, item, name)


def find_item(view: View) -> type[BaseModel] | None:
    """Return the schema of a list's items, or None if the view isn't a list."""
    schema = getattr(view, "_spec", {}).get("response", {}).get("schema")
    field = getattr(schema, "model_fields", {}).get("items")
    kinds = get_args(field.annotation) if field is not None else ()
    return kinds[0] if kinds and isinstance(kinds[0], type) and issubclass(kinds[0], BaseModel) else None


def list_columns(item: type[BaseModel]) -> tuple[str, ...]:
    """Return a list's CSV columns. A nested object's fields are columns named `object.field`."""
    columns: list[str] = []
    for name, field in item.model_fields.items():
        kinds = [each for each in (field.annotation, *get_args(field.annotation)) if isinstance(each, type)]
        inner = next((each for each in kinds if issubclass(each, BaseModel)), None)
        is_list = getattr(field.annotation, "__origin__", None) is list
        shown = field.serialization_alias or field.alias or name
        columns += [shown] if inner is None or is_list else [f"{shown}.{each}" for each in list_columns(inner)]
    return tuple(columns)


def flatten(found: dict[str, Any], columns: tuple[str, ...]) -> dict[str, Any]:
    """Return an item's cells by column. Lists, and objects without columns, are written as JSON."""

    def read(column: str) -> Any:
        value: Any = found
        for name in column.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value

    return {column: read(column) for column in columns}


def _make_downloadable(app: APIFlask, view: View, item: type[BaseModel], name: str) -> View:
    columns = list_columns(item)
    most = _find_most(view)

    @wraps(view)
    def show(**parts: Any) -> Any:
        given = request.args.getlist(FORMAT)
        if not given:
            return view(**parts)
        form = _read_format(given)
        asked = {name: values for name, values in request.args.to_dict(flat=False).items() if name != FORMAT}
        if most is not None:
            asked.setdefault("limit", [str(most)])
        read = _make_reader(app, view, parts)
        first = read(Args(asked))
        if first.status_code != HTTPStatus.OK:
            return first
        pages = _read_pages(first, read)
        if form is ExportFormat.CSV:
            pieces = write_pages(([flatten(each, columns) for each in page] for page in pages), columns, form)
        else:
            pieces = (_write_lines(page) for page in pages)
        response = Response(pieces, content_type=MEDIA_TYPES[form])
        response.headers["Content-Disposition"] = f'attachment; filename="{name}.{form}"'
        return response

    return show


def _find_most(view: View) -> int | None:
    """Return the maximum page size of a list, or None if it has no pages."""
    for schema, _ in getattr(view, "_spec", {}).get("args") or ():
        for bound in schema.model_fields["limit"].metadata if "limit" in schema.model_fields else ():
            if isinstance(bound, Le):
                return int(str(bound.le))
    return None


def _read_format(given: list[str]) -> ExportFormat:
    if len(given) == 1 and given[0] in set(ExportFormat):
        return ExportFormat(given[0])
    known = " or ".join(ExportFormat)
    raise make_invalid_request([{"in": "query", "field": FORMAT, "reason": f"must be {known}"}])


def _make_reader(app: APIFlask, view: View, parts: dict[str, Any]) -> Callable[[Args], Response]:
    """Return a function that calls the view like this request, with other query parameters.

    Each call has its own context, because the file is sent after the request's context has ended.
    """
    environ, known = request.environ, {name: g.get(name) for name in g}

    def read(args: Args) -> Response:
        with app.request_context(environ):
            for name, value in known.items():
                setattr(g, name, value)
            request.args = args
            response: Response = app.make_response(view(**parts))
            return response

    return read


def _read_pages(first: Response, read: Callable[[Args], Response]) -> Iterator[list[dict[str, Any]]]:
    page = first
    while True:
        found = json.loads(page.get_data())
        yield found["items"]
        following = found.get("next")
        if not following:
            return
        page = read(Args(parse_qsl(urlsplit(following).query)))


def _write_lines(page: list[dict[str, Any]]) -> bytes:
    return "".join(f"{json.dumps(each, ensure_ascii=False)}\n" for each in page).encode()
