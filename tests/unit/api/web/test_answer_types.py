"""The types with which scripts are checked are those of the API's document."""

from apiflask import APIFlask

from tests.support.answer_types import FILE, write_types


def test_the_types_of_answers_are_those_of_the_document(app: APIFlask) -> None:
    written = write_types(app.test_client().get("/openapi.json").get_json())
    assert FILE.read_text() == written, "run: python -m tests.support.answer_types > api/types/answers.d.ts"


def test_schemas_become_types() -> None:
    job = {
        "properties": {
            "id": {"type": "string"},
            "state": {"enum": ["queued", "failed"]},
            "faces": {"anyOf": [{"type": "array", "items": {"$ref": "#/components/schemas/Face"}}, {"type": "null"}]},
            "timings": {"type": "object", "additionalProperties": {"type": "number"}},
        },
        "required": ["id"],
    }
    face = {"properties": {"x": {"type": ["integer", "null"]}}, "required": ["x"]}
    written = write_types({"components": {"schemas": {"Job": job, "Face": face, "Other": {}}}})
    assert written.partition("export ")[2] == (
        "interface Job {\n  id: string;\n"
        '  state?: "queued" | "failed";\n'
        "  faces?: Array<Face> | null;\n  timings?: Record<string, number>;\n}\n"
        "\nexport interface Face {\n  x: number | null;\n}\n"
    )
