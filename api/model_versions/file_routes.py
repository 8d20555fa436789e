"""Readable files of a model version: its model card and its training history."""

from apiflask import APIBlueprint
from flask import Response

from api.core.authentication import protect
from api.core.errors import Problem
from api.core.openapi import describe_errors, describe_response
from api.core.responses import respond
from api.core.services import get_services
from api.model_versions.routes import find_model_version
from db import tables
from db.core.blobs import BlobMissing, make_model_key
from db.model_versions.history import TrainingHistory
from db.model_versions.records import HISTORY_FILE

CARD = "model_card.md"

blueprint = APIBlueprint("model_files", __name__, url_prefix="/v1/model-versions", tag="Model versions")
protect(blueprint)

_MARKDOWN = "text/markdown"
_ERRORS = describe_errors("unknown_model_version", "not_found", "blob_damaged", "blob_store_unavailable")


@blueprint.get("/<int:number>/card")
@blueprint.doc(
    summary="Read a version's model card",
    description="How the version was trained and evaluated, and what it is not suitable for, as Markdown.",
    responses={**describe_response(200, "The card.", {_MARKDOWN: {"type": "string"}}), **_ERRORS},
)
def read_card(number: int) -> Response:
    """Send a version's model card."""
    return Response(_read(number, CARD), mimetype=_MARKDOWN)


@blueprint.get("/<int:number>/history")
@blueprint.output(TrainingHistory, description="Every epoch.")
@blueprint.doc(summary="Read a version's training curves", responses=_ERRORS)
def read_history(number: int) -> Response:
    """Return a version's training history."""
    history = TrainingHistory.read(_read(number, HISTORY_FILE))
    return respond(history)


def read_model_file(version: tables.ModelVersion, name: str) -> bytes | None:
    """Read a file of the version; None if it has no such file. Raises BlobDamaged, BlobStoreUnavailable."""
    record = version.document.files.get(name)
    if record is None:
        return None
    try:
        return get_services().blobs.get(make_model_key(record.sha256), record.sha256)
    except BlobMissing:
        return None


def _read(number: int, name: str) -> bytes:
    with get_services().database.read() as session:
        version = find_model_version(session, number)
    found = read_model_file(version, name)
    if found is None:
        raise Problem("not_found", f"version {number} has no {name}")
    return found
