"""The `webhooks` section of the OpenAPI 3.1 document, generated from the registry of event types."""

from typing import Any

from db.webhooks.event_types import EVENT_TYPES, EventType

_HEADERS = {
    "webhook-id": "Id of the event: the same for every attempt and replay, so that a receiver can ignore duplicates.",
    "webhook-timestamp": "When the call was made, in seconds since 1970. Refuse calls that are more than a few minutes old.",
    "webhook-signature": "`v1,` and the HMAC-SHA256 of `id.timestamp.body` in base64 (Standard Webhooks); two signatures separated "
    "by a space while a secret is being replaced.",
}


def describe_webhooks() -> tuple[dict[str, Any], dict[str, Any]]:
    """Build the `webhooks` section and the schemas that it refers to."""
    schemas: dict[str, Any] = {}
    for kind in EVENT_TYPES.values():
        found = kind.data.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= found.pop("$defs", {})
        schemas[kind.data.__name__] = found
    return {kind.name: {"post": _describe(kind)} for kind in EVENT_TYPES.values()}, schemas


def _describe(kind: EventType) -> dict[str, Any]:
    words = kind.name.replace(".", " ").replace("_", " ").title().split()
    body = {
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": {"const": kind.name, "type": "string"},
            "timestamp": {"type": "string", "format": "date-time", "description": "When it happened."},
            "data": {"$ref": f"#/components/schemas/{kind.data.__name__}"},
        },
    }
    return {
        "operationId": "on" + "".join(words),
        "tags": ["Webhooks"],
        "summary": kind.meaning,
        "parameters": [
            {"in": "header", "name": name, "required": True, "schema": {"type": "string"}, "description": meaning}
            for name, meaning in _HEADERS.items()
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {
            "2XX": {"description": "Accepted. Up to 500 bytes of the body are kept for the list of deliveries."},
            "410": {"description": "The endpoint is gone: it is paused, and nothing is sent again."},
            "default": {"description": "Not accepted: it is sent again later, not before `Retry-After`."},
        },
    }
