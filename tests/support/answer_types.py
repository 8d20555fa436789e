"""Writes TypeScript types of what the API answers, for the type check of the pages' scripts.

`python -m tests.support.answer_types > api/types/answers.d.ts`
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[2] / "api/types/answers.d.ts"
ROOTS = ("Job",)
"""The schemas that scripts read; those that they refer to come along."""

_HEAD = """\
// What the API answers, written from its OpenAPI document. After a change:
// python -m tests.support.answer_types > api/types/answers.d.ts
"""
_SIMPLE = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def write_types(document: dict[str, Any]) -> str:
    """Return the declarations of ROOTS and of what they refer to. document: OpenAPI 3.1. Raises KeyError for a missing schema."""
    schemas, names, seen = document["components"]["schemas"], list(ROOTS), set[str]()
    written = [_HEAD]
    while names:
        name = names.pop(0)
        if name in seen:
            continue
        seen.add(name)
        written.append(_write_declaration(name, schemas[name]))
        names += _list_references(schemas[name])
    return "\n".join(written)


def _write_declaration(name: str, schema: dict[str, Any]) -> str:
    if "properties" not in schema:
        return f"export type {name} = {_write_type(schema)};\n"
    required = schema.get("required", [])
    lines = [
        f"  {_quote(key)}{'' if key in required else '?'}: {_write_type(value)};\n"
        for key, value in schema["properties"].items()
    ]
    return f"export interface {name} {{\n{''.join(lines)}}}\n"


def _write_type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[1])
    if "enum" in schema:
        return " | ".join(json.dumps(each) for each in schema["enum"])
    if "const" in schema:
        return json.dumps(schema["const"])
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " | ".join(_write_type(each) for each in schema[several])
    if "allOf" in schema:
        return " & ".join(_write_type(each) for each in schema["allOf"])
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(_write_type(schema | {"type": each}) for each in kind)
    if kind == "array":
        return f"Array<{_write_type(schema.get('items', {}))}>"
    if kind == "object":
        return f"Record<string, {_write_type(schema.get('additionalProperties') or {})}>"
    return _SIMPLE.get(str(kind), "unknown")


def _list_references(schema: object) -> Iterator[str]:
    """Names of the schemas that a schema refers to, in order."""
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].rsplit("/", 1)[1]
        for value in schema.values():
            yield from _list_references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _list_references(value)


def _quote(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z_]\w*", key) else json.dumps(key)


def main() -> None:
    """Print the file."""
    from api.core.app import create_app
    from emoscope.settings import Settings

    app = create_app(Settings(_env_file=None, access_log=False))
    print(write_types(app.test_client().get("/openapi.json").get_json()), end="")


if __name__ == "__main__":
    main()
